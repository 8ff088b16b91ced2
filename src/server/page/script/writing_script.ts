/**
 * The model writes.
 *
 * @module
 */

/** JavaScript. */
export const WRITING_SCRIPT = String.raw`
let writing;
let modelName;
let contextLength;
let askAgain;

const isWriting = () => writing !== undefined;

function showStatus(text) {
  byId("status").textContent = text;
}

function showProblem(error) {
  byId("problem").textContent = error === undefined ? "" : error.message;
  const needsKey = error?.status === 401;
  byId("key-form").hidden = !needsKey;
  byId("key").setAttribute("aria-invalid", needsKey && Boolean(key));
  if (needsKey) {
    if (!key) byId("problem").textContent = "";
    // A key that was refused is still there to be corrected, or typed over.
    byId("key").focus();
    byId("key").select();
  }
}

async function loadModel() {
  const { data: [model] } = await (await ask("/v1/models")).json();
  modelName = model.id;
  contextLength = model.max_model_len;
  byId("model").textContent = modelName;
  document.title = "Write with " + modelName;
  byId("max_tokens").max = contextLength;
  countTokens();
}

let countTimer;
/** Counts the tokens when nothing has changed for a while. */
function countSoon() {
  clearTimeout(countTimer);
  countTimer = setTimeout(countTokens, 300);
}

async function countTokens() {
  if (contextLength === undefined) return;
  const { parts } = branch;
  const ids = await promptIds(parts).catch(() => undefined);
  if (ids !== undefined && parts === branch.parts) showContext(ids.length);
}

function showContext(numTokens) {
  byId("context-text").textContent = numTokens > contextLength
    ? numTokens + " tokens, of which the model sees the last " + lastHalf() + " to " + contextLength
    : numTokens + " of " + contextLength + " tokens";
  byId("context-bar").firstChild.style.width = Math.min(100, 100 * numTokens / contextLength) + "%";
  const isFull = numTokens >= contextLength;
  byId("context").classList.toggle("full", isFull);
  byId("context").title = isFull
    ? "The context is full: the model reads the last " + lastHalf() + " tokens, and writes on from there."
    : "So much of the text the model can see at once. When it is full, it writes on from the last half.";
}

const lastHalf = () => Math.floor(contextLength / 2);

/** After the text is another: keeps it, and counts its tokens. */
function afterChange() {
  showBranches();
  keepBranches();
  countSoon();
}

function stopWriting() {
  writing?.abort();
}

/** Has the model write on at the end of the text. */
async function write() {
  if (isWriting()) {
    stopWriting();
    await writing.ended;
  }
  leaveCandidates();
  const problem = settingsProblem();
  if (problem !== undefined) return showProblem(new Error(problem));
  showProblem(undefined);
  const run = writing = new AbortController();
  const { promise, resolve } = Promise.withResolvers();
  run.ended = promise;
  document.body.classList.add("writing");
  byId("stop").disabled = false;
  byId("continue").disabled = true;
  showStatus("Reading\u2026");
  try {
    if (contextLength === undefined) await loadModel();
    showStatus(await writeInto(branch, run.signal));
  } catch (error) {
    if (error.name === "AbortError") showStatus("Stopped.");
    else {
      showStatus("");
      if (error.status === 401) askAgain = write;
      showProblem(error);
    }
  } finally {
    say(" " + byId("status").textContent, true);
    writing = undefined;
    document.body.classList.remove("writing");
    byId("stop").disabled = true;
    byId("continue").disabled = false;
    showWritten(branch);
    afterChange();
    resolve();
  }
}

async function writeInto(target, signal) {
  const ids = await promptIds(target.parts);
  const isFull = ids.length >= contextLength;
  const prompt = isFull ? ids.slice(-lastHalf()) : ids;
  const fields = samplingFields();
  const before = target.parts;
  const beganAt = performance.now();
  const response = await ask("/v1/completions", {
    ...fields, prompt: prompt.length === 0 ? "" : prompt, stream: true, logprobs: NUM_CANDIDATES, return_token_ids: true,
  }, signal);
  let numTokens = 0;
  let text = "";
  let end;
  for await (const part of completionParts(response)) {
    if (signal.aborted) throw new DOMException("Stopped", "AbortError");
    if (part.prompt_token_ids && prompt.length === 0) emptyPromptIds = part.prompt_token_ids;
    if (numTokens === 0) {
      const { parts } = target;
      change(parts);
    }
    for (const token of tokensOf(part)) {
      target.parts = withToken(target.parts, token);
      numTokens++;
      end = { reason: part.finish_reason, name: token.name };
    }
    text += part.text;
    say(part.text);
    showSoon(target);
    showStatus(numTokens + " tokens" + speedText(numTokens, beganAt));
    showContext(ids.length + numTokens);
  }
  const speed = numTokens + " tokens" + speedText(numTokens, beganAt) + ". ";
  if (end?.reason === "stop") {
    // What ended the text is among the tokens, and not part of it.
    target.parts = cut(target.parts, textOf(before).length + text.length);
    return speed + (end.name === "<|endoftext|>" ? "The model ended the text." : "Ended before a stop text.");
  }
  if (numTokens < fields.max_tokens) {
    return speed + "The context is full: Continue writes on from the last " + lastHalf() + " tokens.";
  }
  return speed + (isFull ? "The model saw only the last " + lastHalf() + " tokens before." : "");
}

/** How fast it went, since the server was asked: tokens may arrive many at once. */
const speedText = (numTokens, since) => ", " + (1000 * numTokens / (performance.now() - since)).toFixed(0) + " tokens/s";

let isToBeShown = false;
/** Shows what was written once for each picture of the screen, however many tokens come between two. */
function showSoon(target) {
  if (isToBeShown) return;
  isToBeShown = true;
  requestAnimationFrame(() => {
    isToBeShown = false;
    showWritten(target);
  });
}

/** Shows what was written, and keeps its end in view if it was before. */
function showWritten(target) {
  if (target !== branch) return;
  const isAtEnd = editor.scrollHeight - editor.scrollTop - editor.clientHeight < 60;
  showText();
  if (isAtEnd) editor.scrollTop = editor.scrollHeight;
}

let unsaid = "";
let saidAt = 0;
/** Has a screen reader read what is written, some words at a time. */
function say(text, isEnd) {
  unsaid += text;
  const now = performance.now();
  if (unsaid === "" || !isEnd && now - saidAt < 1500) return;
  saidAt = now;
  byId("spoken").textContent = unsaid;
  unsaid = "";
}

byId("continue").addEventListener("click", () => write());
byId("stop").addEventListener("click", () => stopWriting());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (!isWriting()) write();
  } else if (event.key === "Escape" && isWriting()) stopWriting();
  else if (event.key === "Escape") leaveCandidates();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key").value.trim();
  kept.set(KEY_NAME, key);
  showProblem(undefined);
  const again = askAgain ?? loadModel;
  askAgain = undefined;
  again().catch(showProblem);
});

if (matchMedia("(max-width: 50rem)").matches) byId("settings").open = false;
showText();
showBranches();
loadModel().catch(showProblem);
`;
