// The same code as jsr:@std/assert, taken from npm so that a clone works where only npm can be reached.
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
