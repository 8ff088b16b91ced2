import { assertEquals } from "@std/assert";
import { childProblem } from "../../src/native_library/child_problem.ts";

/** What Deno writes, and the reason in it. */
const OUTPUTS: readonly (readonly [output: string, reason: string])[] = [
  ["it computes something else\n", "it computes something else"],
  ["", ""],
  ["ggml: a warning\nGGML_ASSERT(x) failed\n", "GGML_ASSERT(x) failed"],
  [
    "error: Uncaught (in promise) Error: /x/y is damaged\nasync function f() { throw new Error(); }\n" +
    "                           ^\n    at f (file:///u.ts:1:49)\n    at file:///u.ts:2:31\n",
    "/x/y is damaged",
  ],
  [
    'error: Uncaught NotCapable: Requires read access to "/x"\nf();\n^\n    at ext:deno_fs/30_fs.js:1:9859\n',
    'NotCapable: Requires read access to "/x"',
  ],
  [
    "error: Import 'https://hub.test/x.ts' failed.\n    0: error sending request: client error (Connect): dns error\n" +
    "    1: client error (Connect)\n    2: dns error\n    at file:///u.ts:1:8\n\nStack backtrace:\n   0: <unknown>\n",
    "Import 'https://hub.test/x.ts' failed: error sending request: client error (Connect): dns error",
  ],
];

for (const [output, reason] of OUTPUTS) {
  Deno.test(`childProblem() finds ${JSON.stringify(reason)}`, () => {
    assertEquals(childProblem(output), reason);
  });
}
