/**
 * What the page asks its server.
 *
 * @module
 */

/** JavaScript. */
export const REQUESTS_SCRIPT = String.raw`
const KEY_NAME = "gpt2.key";
/** The most candidates that are shown. */
const NUM_CANDIDATES = 8;

/** What is kept until the tab is closed, as far as the browser keeps anything. */
const kept = {
  get(name) {
    try { return sessionStorage.getItem(name); } catch { return null; }
  },
  set(name, value) {
    try { sessionStorage.setItem(name, value); } catch { /* It is there until the page is left. */ }
  },
};

let key = kept.get(KEY_NAME);

/** What the server refuses, in its words. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, body, signal) {
  const headers = { ...(key && { authorization: "Bearer " + key }), ...(body && { "content-type": "application/json" }) };
  const method = body === undefined ? "GET" : "POST";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. Is it still running?");
  }
  if (response.ok) return response;
  const json = await response.json().catch(() => undefined);
  const wait = response.headers.get("retry-after");
  const message = json?.error?.message ?? "The server answered with status " + response.status + ".";
  throw new Refusal(response.status, message + (wait && !/later/.test(message) ? " Try again in " + wait + " s." : ""));
}

/** Reads a stream of completions, one token each. */
async function* completionParts(response) {
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      return { done: true };
    });
    if (done) throw new Error("The answer broke off in the middle. What has come is kept: Continue writes on from there.");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") return;
      const json = JSON.parse(data);
      if (json.error) throw new Error(json.error.message);
      if (json.choices.length > 0) yield json.choices[0];
    }
  }
}

/** The tokens of a part of an answer, as withToken() takes them. */
function tokensOf({ token_ids, logprobs }) {
  return token_ids.map((id, i) => {
    const ids = logprobs.top_token_ids[i];
    return {
      id,
      name: logprobs.tokens[i],
      probability: Math.exp(logprobs.token_logprobs[i]),
      candidates: Object.entries(logprobs.top_logprobs[i])
        .map(([text, logProbability]) => ({ id: ids[text], text, probability: Math.exp(logProbability) }))
        .sort((a, b) => b.probability - a.probability),
    };
  });
}

const idsOfTexts = new Map();
/** What the model reads where nothing has been typed before its first token. */
let emptyPromptIds = [];

/** The tokens of typed text. */
async function idsOf(text, isBeginning) {
  const name = isBeginning + text;
  if (!idsOfTexts.has(name)) {
    const response = await ask("/tokenize", { prompt: text, add_special_tokens: isBeginning });
    if (idsOfTexts.size > 200) idsOfTexts.clear();
    idsOfTexts.set(name, (await response.json()).tokens);
  }
  return idsOfTexts.get(name);
}

/** The tokens of parts: the very ones that the model has written, and those of typed text. */
async function promptIds(parts) {
  if (parts.length === 0) return [];
  const ids = isToken(parts[0]) ? [...emptyPromptIds] : [];
  for (const [i, part] of parts.entries()) ids.push(...(isToken(part) ? [part.id] : await idsOf(part, i === 0)));
  return ids;
}
`;
