import { assertEquals } from "@std/assert";
import { Histogram } from "../../src/server/histogram.ts";

Deno.test("a Histogram counts values up to each bound, as Prometheus has it", () => {
  const histogram = new Histogram(0.1, 10, 3);
  for (const value of [0.05, 0.1, 0.5, 10, 11]) histogram.observe(value);
  assertEquals(histogram.lines("x_seconds", "How long."), [
    "# HELP x_seconds How long.",
    "# TYPE x_seconds histogram",
    'x_seconds_bucket{le="0.1"} 2',
    'x_seconds_bucket{le="1"} 3',
    'x_seconds_bucket{le="10"} 4',
    'x_seconds_bucket{le="+Inf"} 5',
    "x_seconds_sum 21.65",
    "x_seconds_count 5",
  ]);
});
