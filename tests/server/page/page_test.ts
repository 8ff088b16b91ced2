import { assert, assertEquals, assertMatch } from "@std/assert";
import { TEXT_SCRIPT } from "../../../src/server/page/script/text_script.ts";
import { createHandler } from "../../../src/serve.ts";
import { GPT2 } from "../../../src/gpt2.ts";

const model = await GPT2.fromPretrained("demo");
const handler = createHandler(model, { modelName: "demo", apiKeys: ["not-for-the-page"] });
const url = "http://localhost/";
const response = await handler(new Request(url));
const html = await response.text();

async function sourceHash(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(hash).toBase64()}'`;
}

Deno.test("GET / is a page that needs no key, and nothing but itself and the server", async () => {
  assertEquals(response.status, 200);
  assertMatch(response.headers.get("content-type")!, /^text\/html/);
  assertEquals([...html.matchAll(/(src|href|action)="(?!data:)/g)], []);
  assertEquals([...html.matchAll(/\son\w+="/g)], [], "no code outside of the script");
  const policy = new Map(
    response.headers.get("content-security-policy")!.split("; ")
      .map((rule) => [rule.split(" ")[0], rule.split(" ").slice(1)]),
  );
  assertEquals(policy.get("default-src"), ["'none'"]);
  assertEquals(policy.get("connect-src"), ["'self'"]);
  const [[, style]] = [...html.matchAll(/<style>([^]*?)<\/style>/g)];
  const [[, script]] = [...html.matchAll(/<script>([^]*?)<\/script>/g)];
  assertEquals(policy.get("style-src"), [await sourceHash(style)]);
  assertEquals(policy.get("script-src"), [await sourceHash(script)]);
  new Function(script); // It parses.
});

Deno.test("only GET asks for the page", async () => {
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status } = await handler(new Request(url, { method }));
    assert(status === 404 || status === 405, `${method}: ${status}`);
  }
});

/** What the page knows of texts. */
const { withToken, edited, textOf, difference } = new Function(
  `${TEXT_SCRIPT}; return { withToken, edited, textOf, difference };`,
)();

/** Parts with a token for each name. */
function partsOf(...names: string[]): { piece: string; isOpen: boolean }[] {
  let parts: unknown[] = [];
  for (const [id, name] of names.entries()) {
    parts = withToken(parts, { id, name, probability: 0.5, candidates: [] });
  }
  return parts as { piece: string; isOpen: boolean }[];
}

Deno.test("the page puts characters together from tokens that are parts of them", () => {
  const parts = partsOf(
    "a",
    "bytes:\\xe6\\x97",
    "bytes:\\xa5",
    "bytes:\\xf0",
    "bytes:\\x9f\\x99",
    "bytes:\\x82",
    "b",
  );
  assertEquals(textOf(parts), "a日🙂b");
  assertEquals(parts.map(({ isOpen }) => isOpen), [false, true, false, true, true, false, false]);
});

Deno.test("on the page, what follows typed text is typed text", () => {
  const parts = partsOf("To", " be", " or", " not");
  const changed = edited(parts, 5, 5, " here");
  assertEquals(textOf(changed), "To be here or not");
  assertEquals(changed.map((part: unknown) => typeof part), ["object", "object", "string"]);
  for (
    const [before, after] of [["abc", "abXc"], ["aaa", "aa"], ["", "x"], ["same", "same"], [
      "ab",
      "",
    ]]
  ) {
    const { start, end, inserted } = difference(before, after);
    assertEquals(before.slice(0, start) + inserted + before.slice(end), after);
  }
});

Deno.test("completions tell ids where they are asked for: the page writes on from them", async () => {
  const ask = async (body: object) => {
    const headers = {
      "content-type": "application/json",
      authorization: "Bearer not-for-the-page",
    };
    const request = new Request(`${url}v1/completions`, {
      method: "POST",
      headers,
      body: JSON.stringify({ prompt: "ROMEO:", max_tokens: 4, seed: 1, ...body }),
    });
    return await (await handler(request)).json();
  };
  const { choices: [plain] } = await ask({ logprobs: 2 });
  const { choices: [choice] } = await ask({ logprobs: 2, return_token_ids: true });
  assertEquals([plain.token_ids, plain.logprobs.top_token_ids], [undefined, undefined]);
  assertEquals(choice.prompt_token_ids, model.tokenizer!.encode("ROMEO:"));
  assertEquals(model.tokenizer!.decode(choice.token_ids), choice.text);
  for (const [i, top] of choice.logprobs.top_token_ids.entries()) {
    assertEquals(Object.keys(top), Object.keys(choice.logprobs.top_logprobs[i]));
    assertEquals(top[choice.logprobs.tokens[i]], choice.token_ids[i]);
  }
  const { choices: [next] } = await ask({
    prompt: [...choice.prompt_token_ids, ...choice.token_ids.slice(0, 2)],
    temperature: 0,
    return_token_ids: true,
  });
  assertEquals(next.token_ids.length, 4);
});
