import { assertGreater } from "@std/assert";
import { fileURLToPath } from "node:url";
import { ours } from "../../../scripts/bench/ours.ts";

const path = fileURLToPath(new URL("../../../src/demo/demo.gguf", import.meta.url));

Deno.test("ours() calls the command line as it is", async () => {
  const model = { size: "tiny", type: "q8_0", path, folder: "" };
  const workload = { tokens: 2, depth: 1, batch: 2, repetitions: 1 };
  const { prefill, decode } = ours(1);
  assertGreater(await prefill!(model, workload), 0);
  assertGreater(await decode!(model, workload), 0);
});
