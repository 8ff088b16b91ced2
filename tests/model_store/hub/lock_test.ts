import { assertStrictEquals } from "@std/assert";
import { downloadBlob } from "../../../src/model_store/hub/download.ts";
import { ETAG, FILE, Setup } from "./download_setup.ts";

Deno.test("downloadBlob() ends with the signal's reason while another process has the lock", async () => {
  await using setup = new Setup();
  const client = setup.client();
  const remote = (await client.describe("main", FILE))!;
  using _held = await setup.cache.lockBlob(ETAG);
  const reasons = [
    new DOMException("stop", "AbortError"),
    new DOMException("late", "TimeoutError"),
    Object.assign(new Error("mine"), { code: "EIO" }),
  ];
  for (const reason of reasons) {
    const controller = new AbortController();
    const { signal } = controller;
    const download = downloadBlob(client, setup.cache, remote, { signal }).catch((error) => error);
    setTimeout(() => controller.abort(reason), 10);
    assertStrictEquals(await download, reason);
  }
});
