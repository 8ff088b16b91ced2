import { assertEquals } from "@std/assert";
import { ByteProgressBar, progressText } from "../../../src/cli/terminal/byte_progress_bar.ts";
import { keptOutput } from "./kept_output.ts";

Deno.test("progressText() gives bytes, speed and time left", () => {
  assertEquals(progressText(0, 548_100_000, 0), "0 B of 548.1 MB");
  assertEquals(progressText(12e6, 548.1e6, 8e6), "12.0 MB of 548.1 MB, 8.0 MB/s, 1:08 left");
  assertEquals(progressText(0, 548.1e6, 1e5), "0 B of 548.1 MB, 100.0 kB/s, 1:31:21 left");
  assertEquals(progressText(0, 548.1e6, 1.5e5), "0 B of 548.1 MB, 150.0 kB/s, 1:00:54 left");
});

Deno.test("ByteProgressBar names what is done in one line, whatever its name is", async () => {
  const { output, writes } = keptOutput({
    isTerminal: true,
    isDecorated: true,
    numColumns: () => 200,
  });
  const bar = new ByteProgressBar(output, "Downloading \x1b[2J\n" + "x".repeat(1000));
  bar.show(0, 0);
  await bar.clear();
  assertEquals(writes.length, 2);
  const [line, cleared] = writes;
  assertEquals(cleared, "\r\x1b[K");
  assertEquals(
    line,
    `\rDownloading \\u{1b}[2J\\u{a}${"x".repeat(34)}... [${"#".repeat(30)}] 100 %  ` +
      "0 B of 0 B\x1b[K",
  );
});
