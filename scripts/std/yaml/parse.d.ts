export declare function parse(content: string): unknown;
