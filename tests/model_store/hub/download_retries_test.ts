import { assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { HubError } from "../../../src/base/errors.ts";
import { fetchModel } from "../../../src/model_store/hub/fetch_model.ts";
import type { HubSettings } from "../../../src/model_store/hub/hub_settings.ts";
import { badStorage, BYTES, MAX_TRIES, MODEL, numStorageRequests, test } from "./download_setup.ts";
import { checkpointFiles, PLAIN, stalling } from "./fake_hub.ts";

/** What a server may do once, and still the right bytes arrive. */
const RECOVERABLE: readonly (readonly [
  what: string,
  answer: (request: Request, usual: () => Response) => Response,
])[] = [
  ["a body that ends early", () => new Response(BYTES.slice(0, 10))],
  ["a body that is too long", () => new Response(new Uint8Array(BYTES.length + 1))],
  ["other bytes of the right size", () => new Response(new Uint8Array(BYTES.length))],
  [
    "another part than asked for",
    () =>
      new Response(BYTES.slice(7), {
        status: 206,
        headers: { "content-range": "bytes 7-299999/300000" },
      }),
  ],
  ["status 429", () => new Response(null, { status: 429, headers: { "retry-after": "0" } })],
  [
    "status 429 with a date that is past",
    () =>
      new Response(null, { status: 429, headers: { "retry-after": new Date(0).toUTCString() } }),
  ],
  ["status 500", () => new Response(null, { status: 500 })],
  ["status 503", () => new Response(null, { status: 503 })],
  [
    "a compressed body",
    (_request, usual) => new Response(usual().body, { headers: { "content-encoding": "gzip" } }),
  ],
  ["a body that stops to come", () => stalling(BYTES.slice(0, 10))],
];

for (const [what, answer] of RECOVERABLE) {
  test(`downloadBlob() tries again after ${what}`, async (setup) => {
    setup.hub.misbehave = badStorage(answer, 1);
    await setup.download({ downloadTimeoutMs: 300 });
    setup.assertComplete();
    assertEquals(numStorageRequests(setup), 2);
  });

  test(`downloadBlob() gives up after ${what}, again and again`, async (setup) => {
    setup.hub.misbehave = badStorage(answer);
    await assertRejects(
      () => setup.download({ downloadTimeoutMs: 60 }),
      HubError,
      "Cannot download",
    );
    assertEquals(numStorageRequests(setup), MAX_TRIES);
    // Only bytes that may be right are kept.
    assertEquals(setup.blobs().filter((name) => !name.endsWith(".incomplete")), []);
  });
}

test("downloadBlob() leaves nothing behind that is not the beginning of the file", async (setup) => {
  for (const wrong of [new Uint8Array(BYTES.length), new Uint8Array(BYTES.length + 1)]) {
    setup.hub.misbehave = badStorage(() => new Response(wrong));
    await assertRejects(() => setup.download(), HubError);
    assertEquals(setup.blobs(), []);
  }
});

test("downloadBlob() does not read on after what is too long", async (setup) => {
  const piece = new Uint8Array(1_000_000);
  const numPieces: number[] = [];
  setup.hub.misbehave = badStorage(() => {
    const index = numPieces.push(0) - 1;
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(piece);
          if (++numPieces[index] === 60) controller.close();
        },
      }, { highWaterMark: 0 }),
    );
  });
  await assertRejects(() => setup.download(), HubError, "longer than the hub promised");
  assertEquals(numPieces.length, MAX_TRIES);
  // What the system had buffered on the way is lost, no more.
  assertLess(Math.max(...numPieces), 40);
});

test("downloadBlob() does not expand a compressed body", async (setup) => {
  // 20 MB of zeros in 20 kB.
  const zeros = new Blob([new Uint8Array(20_000_000)]).stream();
  const bomb = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  setup.hub.misbehave = badStorage(() =>
    new Response(bomb, { headers: { "content-encoding": "gzip" } })
  );
  await assertRejects(
    () => setup.download(),
    HubError,
    'compressed, which was not asked for: received "gzip"',
  );
  assertEquals(setup.blobs(), []);
});

test("downloadBlob() waits as long as it is asked to", async (setup) => {
  setup.hub.misbehave = badStorage(
    () => new Response(null, { status: 429, headers: { "retry-after": "1" } }),
    1,
  );
  const start = performance.now();
  await setup.download();
  assertGreater(performance.now() - start, 950);
  setup.assertComplete();
});

test("downloadBlob() does not wait for an hour", async (setup) => {
  setup.hub.misbehave = badStorage(() =>
    new Response(null, { status: 429, headers: { "retry-after": "3600" } })
  );
  const error = await assertRejects(() => setup.download(), HubError, "received status 429");
  assertEquals([error.status, numStorageRequests(setup)], [429, 1]);
});

test("fetchModel() tells once, at the first retry, why it takes so long", async ({ hub, folder }) => {
  hub.add(MODEL.repo, checkpointFiles(PLAIN));
  const { host } = new URL(hub.endpoint);
  const noticesOf = async (cache: string, settings: Partial<HubSettings> = {}) => {
    const notices: string[] = [];
    await fetchModel(MODEL, hub.settings(folder.file(cache), settings), {
      onNotice: (text) => notices.push(text),
    });
    return notices;
  };
  assertEquals(await noticesOf("a"), []);
  let numLeft = 2;
  hub.misbehave = () => numLeft-- > 0 ? new Response(null, { status: 503 }) : undefined;
  assertEquals(await noticesOf("b"), [
    `${host} is busy or out of order (status 503): trying again ...`,
  ]);
  hub.misbehave = badStorage(() => stalling(BYTES.slice(0, 10)), 2);
  assertEquals(await noticesOf("c", { downloadTimeoutMs: 300 }), [
    `${host} does not answer: trying again ...`,
  ]);
  hub.misbehave = badStorage(() => new Response(new Uint8Array(10)), 2);
  assertEquals(await noticesOf("d"), [
    `${host} sends something else than it promised: trying again ...`,
  ]);
});
