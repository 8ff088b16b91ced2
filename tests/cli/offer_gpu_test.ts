import { assertEquals, assertMatch } from "@std/assert";
import { offerGpu } from "../../src/cli/offer_gpu.ts";
import { Output } from "../../src/cli/terminal/io.ts";

/** Offers a GPU that has no module here to somebody who types a line; returns what was written. */
async function offer(line: string, { isTerminal = true } = {}): Promise<string> {
  let written = "";
  const sink = (text: string) => {
    written += text;
    return Promise.resolve();
  };
  const look = { isTerminal, isDecorated: false, isExact: false, numColumns: () => 80 };
  const stdin = {
    isTerminal,
    read: () => Promise.resolve(null),
    readLine: () => Promise.resolve(line),
  };
  const io = { stdin, stderr: new Output(sink, look), signal: new AbortController().signal };
  await offerGpu(io, () => ({ kind: "metal", downloadBytes: 24_300_000 }));
  return written;
}

async function withEmptyCache(test: () => Promise<void>): Promise<void> {
  const names = ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  const folder = await Deno.makeTempDir({ prefix: "gpt2-offer-" });
  try {
    names.forEach((name) => Deno.env.set(name, folder));
    await test();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("offerGpu() asks with the size, and not again after a no", async () => {
  await withEmptyCache(async () => {
    assertMatch(
      await offer("n\n"),
      /GPU\. Fetch what computes on it \(metal, 24\.3 MB, npm\)\? \[y\/N\] Not asked again: --device metal/,
    );
    assertEquals(await offer("y\n"), "");
  });
});

Deno.test("offerGpu() asks nothing where nobody is at a terminal", async () => {
  await withEmptyCache(async () => assertEquals(await offer("y\n", { isTerminal: false }), ""));
});
