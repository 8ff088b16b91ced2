// The same code as jsr:@std/yaml/parse, taken from npm so that a clone works where only npm can be reached.
// @ts-types="./parse.d.ts"
export { parse } from "npm:deno-std@1.4.0/yaml/parse.js";
