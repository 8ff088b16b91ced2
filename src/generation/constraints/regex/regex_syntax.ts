/**
 * What a parsed regular expression consists of: the part of the parser's own types that is read here. They are not imported,
 * because whatever names the package would have Deno fetch it.
 *
 * @module
 */

interface SyntaxNode {
  /** The part of the source. */
  readonly raw: string;
}

/** All of it. */
export interface Pattern extends SyntaxNode {
  readonly alternatives: readonly Alternative[];
}

/** What stands between `|` and `|`. */
export interface Alternative extends SyntaxNode {
  readonly elements: readonly RegexElement[];
}

/** A part of an alternative. */
export type RegexElement =
  | Assertion
  | Backreference
  | Character
  | CharacterClass
  | CharacterSet
  | ExpressionCharacterClass
  | Group
  | Quantifier;

/** `^`, `$`, `\b`, `(?=...)`, ... */
export interface Assertion extends SyntaxNode {
  readonly type: "Assertion";
  readonly kind: "start" | "end" | "word" | "lookahead" | "lookbehind";
}

/** `\1` */
export interface Backreference extends SyntaxNode {
  readonly type: "Backreference";
}

/** One character. */
export interface Character extends SyntaxNode {
  readonly type: "Character";
  readonly value: number;
}

/** `.`, `\d`, `\p{...}`, ... */
export type CharacterSet =
  & SyntaxNode
  & { readonly type: "CharacterSet" }
  & (
    | { readonly kind: "any" }
    | { readonly kind: "digit" | "space" | "word"; readonly negate: boolean }
    | { readonly kind: "property"; readonly strings: boolean }
  );

/** `[...]` */
export interface CharacterClass extends SyntaxNode {
  readonly type: "CharacterClass";
  readonly negate: boolean;
  readonly elements: readonly ClassPart[];
}

/** `[...--...]` and `[...&&...]`, which the flag v has. */
export interface ExpressionCharacterClass extends SyntaxNode {
  readonly type: "ExpressionCharacterClass";
  readonly expression: ClassPart;
}

/** `a-z` in a class. */
export interface CharacterClassRange extends SyntaxNode {
  readonly type: "CharacterClassRange";
  readonly min: Character;
  readonly max: Character;
}

/** A part of a class. */
export type ClassPart =
  | Character
  | CharacterClass
  | CharacterSet
  | ExpressionCharacterClass
  | CharacterClassRange
  | (SyntaxNode & {
    readonly type: "ClassIntersection" | "ClassSubtraction";
    readonly left: ClassPart;
    readonly right: ClassPart;
  })
  | (SyntaxNode & { readonly type: "ClassStringDisjunction" });

/** `(...)`, `(?:...)` and `(?<name>...)`; only those without capture can have modifiers. */
export interface Group extends SyntaxNode {
  readonly type: "Group" | "CapturingGroup";
  readonly alternatives: readonly Alternative[];
  readonly modifiers?: unknown;
}

/** `*`, `+`, `?` and `{m,n}`. */
export interface Quantifier extends SyntaxNode {
  readonly type: "Quantifier";
  readonly min: number;
  readonly max: number;
  readonly element: RegexElement;
}
