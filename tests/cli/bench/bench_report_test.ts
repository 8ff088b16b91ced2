import { assertEquals } from "@std/assert";
import {
  csvReport,
  jsonReport,
  markdownReport,
  narrowReport,
} from "../../../src/cli/bench/bench_report.ts";
import type { ModelResult } from "../../../src/cli/bench/run_bench.ts";

const results: ModelResult[] = [{
  model: 'a|b, "c".gguf',
  type: null,
  threads: 2,
  device: "CPU",
  loadMs: 12.34,
  firstTokenMs: 5.67,
  peakBytes: 123_400_000,
  tests: [
    {
      kind: "prefill",
      numTokens: 512,
      depth: 0,
      batch: 1,
      tokensPerSecond: 1234.5,
      deviation: 6.789,
      samples: [1229.7, 1239.3],
    },
    {
      kind: "decode",
      numTokens: 128,
      depth: 896,
      batch: 8,
      tokensPerSecond: 99.5,
      deviation: 0,
      samples: [99.5],
      profile: [{ kind: "MUL_MAT 768", count: 24, ms: 3 }, { kind: "ADD 768", count: 2, ms: 1 }],
    },
  ],
}];

Deno.test("markdownReport() aligns columns and escapes what would end a cell", () => {
  assertEquals(
    markdownReport(results),
    `\
| model          | type      | device | threads | load ms | first token ms | together ms | peak memory |
|----------------|-----------|--------|--------:|--------:|---------------:|------------:|------------:|
| a\\|b, "c".gguf | as stored | CPU    |       2 |      12 |              6 |          18 |    123.4 MB |

| model          | type      | device | threads | test        | depth | batch |     tokens/s |
|----------------|-----------|--------|--------:|-------------|------:|------:|-------------:|
| a\\|b, "c".gguf | as stored | CPU    |       2 | prefill 512 |     0 |     1 | 1234.5 ± 6.8 |
| a\\|b, "c".gguf | as stored | CPU    |       2 | decode 128  |   896 |     8 |        99.50 |

One pass of decode 128, depth 896, batch 8, of a|b, "c".gguf, as stored: 4000 us when computed one operation at a time

| operation   | count |     us |  share |
|-------------|------:|-------:|-------:|
| MUL_MAT 768 |    24 | 3000.0 | 75.0 % |
| ADD 768     |     2 | 1000.0 | 25.0 % |
`,
  );
});

Deno.test("narrowReport() has what the tables have, with the model above its rows", () => {
  const [first] = results;
  const { profile: _, ...decode } = first.tests[1];
  assertEquals(
    narrowReport([{ ...first, tests: [first.tests[0], decode] }, {
      ...first,
      type: "q8_0",
      tests: [],
    }]),
    `\
a|b, "c".gguf, as stored, CPU, 2 threads
  load         12 ms
  first token  6 ms
  together     18 ms
  peak memory  123.4 MB

  test         depth  batch  tokens/s
  prefill 512  0      1      1234.5 ± 6.8
  decode 128   896    8      99.50

a|b, "c".gguf, q8_0, CPU, 2 threads
  load         12 ms
  first token  6 ms
  together     18 ms
  peak memory  123.4 MB
`,
  );
});

Deno.test("markdownReport() shows speeds with at most five significant digits", () => {
  for (
    const [tokensPerSecond, text] of [
      [0.1234, "0.12"],
      [12.3456, "12.35"],
      [1234.56, "1234.6"],
      [9999.99, "10000"],
      [12345.6, "12346"],
      [1234567, "1234600"],
    ] as const
  ) {
    const test = { ...results[0].tests[0], tokensPerSecond, samples: [tokensPerSecond] };
    const report = markdownReport([{ ...results[0], tests: [test] }]);
    assertEquals(report.match(/ ([\d.]+) \|\n$/)?.[1], text);
  }
});

Deno.test("csvReport() writes a row for each test and quotes what needs it", () => {
  assertEquals(
    csvReport(results),
    `\
model,type,device,threads,loadMs,firstTokenMs,peakBytes,kind,numTokens,depth,batch,tokensPerSecond,deviation
"a|b, ""c"".gguf",,CPU,2,12.34,5.67,123400000,prefill,512,0,1,1234.5,6.789
"a|b, ""c"".gguf",,CPU,2,12.34,5.67,123400000,decode,128,896,8,99.5,0
`,
  );
});

Deno.test("jsonReport() keeps everything", () => {
  assertEquals(JSON.parse(jsonReport(results)), { results });
});
