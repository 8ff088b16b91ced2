// The same code as jsr:@std/cli/parse-args, taken from npm so that a clone works where only npm can be reached.
// @ts-types="./parse_args.d.ts"
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
