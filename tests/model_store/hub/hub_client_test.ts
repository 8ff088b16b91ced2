import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { HubError } from "../../../src/base/errors.ts";
import {
  badStorage,
  ETAG,
  FILE,
  MAX_TRIES,
  numStorageRequests,
  Setup,
  test,
} from "./download_setup.ts";
import { COMMIT, refusal } from "./fake_hub.ts";

const REDIRECTS: readonly (readonly [what: string, location: string, message: string])[] = [
  ["to itself", "", "redirects in circles"],
  ["to a file", "file:///etc/passwd", 'received "file://"'],
  ["to data", "data:text/plain,x", 'received "data://"'],
  [
    "with a password",
    "http://user:password@127.0.0.1/",
    "redirects to where no model is fetched from",
  ],
  ["to no URL", "http://[", 'received "http://["'],
];

for (const [what, location, message] of REDIRECTS) {
  test(`downloadBlob() does not follow a redirect ${what}`, async (setup) => {
    setup.hub.misbehave = badStorage(() =>
      new Response(null, { status: 302, headers: { location } })
    );
    const error = await assertRejects(() => setup.download(), HubError, message);
    // Nothing of a signature, which is in the query of the URL that redirects.
    assertEquals(error.message.includes("secret"), false);
    assertLess(numStorageRequests(setup), 12);
    assertEquals(setup.blobs(), []);
  });
}

Deno.test("HubClient does not follow a redirect from https to http", async () => {
  const seen: string[] = [];
  const original = globalThis.fetch;
  globalThis.fetch = (input) => {
    seen.push(String(input));
    const location = "http://127.0.0.1:1/";
    return Promise.resolve(new Response(null, { status: 302, headers: { location } }));
  };
  try {
    await using setup = new Setup();
    const client = setup.client({ endpoint: "https://hub.test" });
    await assertRejects(
      () => client.describe("main", FILE),
      HubError,
      'received "http://127.0.0.1:1"',
    );
    assertEquals(seen.length, 1);
  } finally {
    globalThis.fetch = original;
  }
});

const DESCRIPTIONS:
  readonly (readonly [what: string, headers: Record<string, string>, received: string])[] = [
    ["no commit", { "x-repo-commit": "" }, "X-Repo-Commit"],
    ["a commit that leads elsewhere", { "x-repo-commit": "../../x" }, "X-Repo-Commit"],
    ["no hash", { "x-linked-etag": "" }, "ETag"],
    ["a hash that leads elsewhere", { "x-linked-etag": '"../../x"' }, "ETag"],
    ["a size below zero", { "x-linked-size": "-1" }, "size"],
    ["a size beyond all disks", { "x-linked-size": "9".repeat(16) }, "size"],
  ];

for (const [what, changes, received] of DESCRIPTIONS) {
  test(`HubClient refuses the description of a file with ${what}`, async (setup) => {
    setup.hub.misbehave = () =>
      new Response(null, {
        headers: {
          "x-repo-commit": COMMIT,
          "x-linked-etag": ETAG,
          "x-linked-size": "5",
          ...changes,
        },
      });
    await assertRejects(() => setup.client().describe("main", FILE), HubError, `as ${received}`);
  });
}

test("HubClient gives up on a hub that does not answer", async (setup) => {
  setup.hub.misbehave = () => new Promise(() => {});
  const start = performance.now();
  await assertRejects(
    () => setup.client({ metadataTimeoutMs: 40 }).describe("main", FILE),
    HubError,
    "nothing came for 0.04 s",
  );
  assertLess(performance.now() - start, 3000);
  assertEquals(setup.hub.seen.length, MAX_TRIES);
});

test("HubClient says where nobody answers", async (setup) => {
  const client = setup.client({ endpoint: "http://127.0.0.1:9" });
  await assertRejects(
    () => client.describe("main", FILE),
    HubError,
    'from "http://127.0.0.1:9/owner',
  );
});

test("HubClient does not try again what is refused", async (setup) => {
  setup.hub.misbehave = () => refusal(400, "");
  await assertRejects(() => setup.client().describe("main", FILE), HubError, "received status 400");
  assertEquals(setup.hub.seen.length, 1);
});

Deno.test("HubClient does not try again where a certificate is not trusted, and says what to set", async () => {
  const original = globalThis.fetch;
  let numRequests = 0;
  globalThis.fetch = () => {
    numRequests++;
    const reason = "client error (Connect): invalid peer certificate: UnknownIssuer";
    const cause = new Error(`error sending request for url (https://hub.test/?secret): ${reason}`);
    return Promise.reject(new TypeError("fetch failed", { cause }));
  };
  try {
    await using setup = new Setup();
    const { message } = await assertRejects(
      () => setup.client({ endpoint: "https://hub.test" }).describe("main", FILE),
      HubError,
      "its certificate is not trusted: received",
    );
    assertStringIncludes(message, "invalid peer certificate: UnknownIssuer");
    assertStringIncludes(message, "DENO_TLS_CA_STORE=system");
    assertEquals(message.includes("secret"), false);
    assertEquals(numRequests, 1);
  } finally {
    globalThis.fetch = original;
  }
});
