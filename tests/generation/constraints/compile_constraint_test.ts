import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { checkOptions } from "../../../src/base/check_options.ts";
import { InvalidArgumentError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import { compileConstraint } from "../../../src/generation/constraints/compile_constraint.ts";
import {
  Constraint,
  type ConstraintState,
} from "../../../src/generation/constraints/constraint.ts";
import {
  type ConstraintOptions,
  constraintRules,
} from "../../../src/generation/constraints/constraint_options.ts";
import { regexExpression } from "../../../src/generation/constraints/regex/regex_expression.ts";
import { hasToken } from "../../../src/generation/sampling/token_mask.ts";
import { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { numAddedToSets, pick } from "./matching.ts";

const gpt2 = await Tokenizer.gpt2();
const END = 50256;

function allowedIds(state: ConstraintState, tokenizer = gpt2): number[] {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
    .filter((id) => hasToken(state.allowed, id));
}

async function start(options: ConstraintOptions, tokenizer = gpt2, ends = [END]) {
  return (await compileConstraint(options, tokenizer, ends))!.start();
}

/** A vocabulary without merges: its tokens in the printable alphabet, and a token that ends texts. */
function smallTokenizer(tokens: string[]): Tokenizer {
  return new Tokenizer({ tokens: [...tokens, "<|endoftext|>"], merges: [] });
}

Deno.test("compileConstraint() allows only what can lead to a choice", async () => {
  let state = await start({ choices: ["yes", "no", "yesterday"] });
  assertEquals(
    allowedIds(state).map((id) => gpt2.decode([id])).sort(),
    ["n", "no", "y", "ye", "yes"],
  );
  assert(!state.isComplete);
  state = state.after(gpt2.encode("yes")[0]);
  assert(state.isComplete && !state.isFinished);
  assertEquals(
    allowedIds(state).map((id) => gpt2.decode([id])).sort(),
    ["<|endoftext|>", "t", "te", "ter", "terday"],
  );
  const finished = state.after(gpt2.encode("ter")[0]).after(gpt2.encode("day")[0]);
  assert(finished.isComplete && finished.isFinished);
  assertEquals(allowedIds(finished), [END]);
  // The states before are as they were.
  assert(!state.isFinished);
});

Deno.test("the end of the text is allowed only where it is complete, and only if there is one", async () => {
  const [a] = gpt2.encode("a");
  assert(!hasToken((await start({ regex: "a+" })).allowed, END));
  assert(hasToken((await start({ regex: "a+" })).after(a).allowed, END));
  assert(!hasToken((await start({ regex: "a+" }, gpt2, [])).after(a).allowed, END));
  // Its text is not: it is a special token.
  assert(!hasToken((await start({ regex: "<\\|.*" })).allowed, END));
  const state = (await start({ regex: "a+" })).after(a);
  assertEquals(allowedIds(state.after(END)), allowedIds(state));
});

Deno.test("tokens that are parts of characters are allowed where the rest can follow", async () => {
  const ids = gpt2.encode("日😀");
  assert(ids.length > 3);
  let state = await start({ choices: ["日😀", "é"] });
  for (const id of ids) {
    assert(!state.isComplete);
    assert(hasToken(state.allowed, id));
    state = state.after(id);
  }
  assert(state.isFinished);
  const half = ids[0];
  assert(!hasToken((await start({ regex: "[a-zé]*" })).allowed, half));
});

const document: ConstraintOptions = {
  jsonSchema: {
    type: "object",
    properties: {
      name: { type: "string", maxLength: 20 },
      tags: { type: "array", items: { enum: ["a", "long tag", "é"] } },
      sub: { $ref: "#" },
      n: { type: "number", minimum: -3, maximum: 1000 },
    },
    required: ["name"],
  },
};

Deno.test("the tokens allowed are exactly those whose bytes may follow", async () => {
  const random = new Random(1);
  const constraints: ConstraintOptions[] = [
    { choices: ["a", "abc", " the end", "日本"] },
    { regex: ".*" },
    { regex: "[^,]*,.{3,9}" },
    { regex: ".{0,5}" },
    { regex: ".{4}-x*" },
    { regex: /\p{Lu}[\p{L} ]{2,12}\.?/iu },
    { regex: "(\\w+ ){1,3}\\d{2}" },
    document,
    { jsonSchema: true },
  ];
  const bytesOf = Array.from({ length: END }, (_, id) => gpt2.tokenBytes(id));
  for (const options of constraints) {
    let state = await start(options);
    for (let step = 0; step < 6 && !state.isFinished; step++) {
      const mask = state.allowed;
      const candidates: number[] = [];
      for (let id = 0; id < END; id++) {
        if (hasToken(mask, id)) candidates.push(id);
        // One after the other, by a state that was reached in another way: byte by byte.
        if (step > 0 && id % 9 !== step) continue;
        assertEquals(
          hasToken(mask, id),
          canFollow(state, bytesOf[id]),
          `${Object.values(options)} ${id}`,
        );
      }
      state = state.after(pick(candidates, random));
    }
  }
});

/** The tokens of single bytes, by byte. */
const byteTokens = new Map(
  Array.from({ length: END }, (_, id) => id).filter((id) => gpt2.tokenBytes(id).length === 1)
    .map((id) => [gpt2.tokenBytes(id)[0], id]),
);

function canFollow(state: ConstraintState, bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    const id = byteTokens.get(byte)!;
    if (!hasToken(state.allowed, id)) return false;
    state = state.after(id);
  }
  return true;
}

Deno.test("a token that is not allowed is refused", async () => {
  const state = await start({ choices: ["yes"] });
  assertThrows(
    () => state.after(gpt2.encode("no")[0]),
    InvalidArgumentError,
    "the constraint forbids",
  );
  assertThrows(() => state.after(END), InvalidArgumentError, "the constraint forbids");
  assertThrows(() => state.after(60_000), InvalidArgumentError, "the constraint forbids");
});

Deno.test("a constraint is made once for the same vocabulary and ends", async () => {
  const compile = (options: ConstraintOptions, ends = [END]) =>
    compileConstraint(options, gpt2, ends);
  assertStrictEquals(await compile({ regex: "x+" }), await compile({ regex: "x+" }));
  assertStrictEquals(await compile(document), await compile(structuredClone(document)));
  assert(await compile({ regex: "x+" }) !== await compile({ regex: /x+/i }));
  assert(await compile({ regex: "x+" }) !== await compile({ choices: ["x+"] }));
  assert(await compile({ regex: "x+" }) !== await compile({ regex: "x+" }, []));
  const kept = await compile({ regex: "x+" });
  for (let i = 0; i < 40; i++) await compile({ choices: [`${i}`] });
  assert(kept !== await compile({ regex: "x+" }));
  assertEquals(await compile({}), undefined);
});

Deno.test("what cannot be fulfilled is refused", async () => {
  const refused: [ConstraintOptions, string][] = [
    [{ regex: "a[]b" }, "regex cannot be fulfilled: no text fulfils it"],
    [{ jsonSchema: false }, "jsonSchema cannot be fulfilled: no text fulfils it"],
    [{ regex: "" }, "regex cannot be fulfilled: only the empty text fulfils it"],
    [{ choices: [""] }, "choices cannot be fulfilled: only the empty text fulfils it"],
  ];
  for (const [options, message] of refused) {
    await assertRejects(() => start(options), InvalidArgumentError, message);
  }
  const depth = 100_000;
  const deep = "(".repeat(depth) + "a" + ")".repeat(depth);
  await assertRejects(
    () => start({ regex: deep }),
    InvalidArgumentError,
    "regex cannot be used: it is nested too deeply. Nest it at most 500 deep.",
  );
  let schema: Record<string, unknown> = {};
  for (let i = 0; i < 3000; i++) schema = { items: schema };
  let state = await start({ jsonSchema: schema });
  const [bracket] = gpt2.encode("[");
  for (let i = 0; i < 20; i++) state = state.after(bracket);
  for (let i = 0; i < 100_000; i++) schema = { items: schema };
  await assertRejects(() => start({ jsonSchema: schema }), InvalidArgumentError);
  const circle: Record<string, unknown> = { type: "object" };
  circle.properties = { circle };
  assertThrows(
    () => checkOptions("generate", { jsonSchema: circle }, constraintRules),
    InvalidArgumentError,
    "contains itself",
  );
  for (const number of [NaN, Infinity, -Infinity]) {
    const schemas = [{ const: number }, { enum: [1, number] }, { items: { minimum: number } }];
    for (const jsonSchema of schemas) {
      assertThrows(
        () => checkOptions("generate", { jsonSchema }, constraintRules),
        InvalidArgumentError,
        "NaN or Infinity",
      );
    }
  }
  await assertRejects(
    () => start({ regex: "a", choices: ["a"] }),
    TypeError,
    "received choices and regex",
  );
  await assertRejects(
    () => compileConstraint({ regex: "a" }, undefined, []),
    TypeError,
    "regex needs a tokenizer",
  );
});

Deno.test("what the vocabulary cannot spell is refused, and never begun", async () => {
  const tokenizer = smallTokenizer(["a", "b", "cd", "Ã", "©e"]);
  const allowed = async (options: ConstraintOptions, ...ids: number[]) =>
    allowedIds(
      ids.reduce((state, id) => state.after(id), await start(options, tokenizer, [5])),
      tokenizer,
    );
  for (const regex of ["z", "a*c", "d", "ab?c", "é", "(a|b)*z"]) {
    await assertRejects(
      () => start({ regex }, tokenizer, [5]),
      InvalidArgumentError,
      "no tokens that spell",
    );
  }
  // "c" is in a token, but none begins with "bc": so b leads nowhere.
  assertEquals(await allowed({ regex: "a(bc|cd)" }, 0), [2]);
  assertEquals(await allowed({ choices: ["aé", "ée", "ba"] }), [1, 3]);
  assertEquals(await allowed({ choices: ["aé", "ée", "ba"] }, 3), [4]);
  assertEquals(await allowed({ regex: "(a|bc)*" }, 0), [0, 5]);
});

Deno.test("in vocabularies that lack bytes, each token allowed can be completed, and no other", async () => {
  const random = new Random(2);
  const letters = ["a", "b", "c", "d"];
  const word = (max: number) =>
    Array.from({ length: 1 + Math.floor(random.next() * max) }, () => pick(letters, random)).join(
      "",
    );
  let numRefused = 0;
  for (let round = 0; round < 150; round++) {
    const tokens = [...new Set(Array.from({ length: 5 }, () => word(3)))];
    const choices = Array.from({ length: 4 }, () => word(5));
    const tokenizer = smallTokenizer(tokens);
    /** Whether tokens can go on to one of the choices from a text. */
    const canFinish = (text: string): boolean =>
      choices.includes(text) ||
      (choices.some((choice) => choice.startsWith(text)) &&
        tokens.some((token) => canFinish(text + token)));
    if (!canFinish("")) {
      numRefused++;
      await assertRejects(
        () => start({ choices }, tokenizer, []),
        InvalidArgumentError,
        "cannot be fulfilled",
      );
      continue;
    }
    const check = (state: ConstraintState, text: string) => {
      assertEquals(state.isComplete, choices.includes(text));
      for (const [id, token] of tokens.entries()) {
        assertEquals(
          hasToken(state.allowed, id),
          canFinish(text + token),
          `${tokens}: ${choices}: ${text}+${token}`,
        );
        if (hasToken(state.allowed, id)) check(state.after(id), text + token);
      }
    };
    check(await start({ choices }, tokenizer, []), "");
  }
  assert(numRefused > 10 && numRefused < 140, `${numRefused}`);
});

Deno.test("compileConstraint() makes a large constraint in turns with others, and once for all who ask", async () => {
  const regex = "[a-z]{9999}".repeat(9);
  let [numTurns, isMade] = [0, false];
  const others = (async () => {
    for (; !isMade; numTurns++) await new Promise((resolve) => setTimeout(resolve, 0));
  })();
  const asked = [1, 2].map(() => compileConstraint({ regex }, gpt2, [END]));
  const [one, other] = await Promise.all(asked);
  isMade = true;
  await others;
  assertStrictEquals(one, other);
  assert(numTurns > 3, `${numTurns}`);
});

Deno.test("what may come first is found in many steps, however much of it there is", async () => {
  const expression = await regexExpression("regex", ".?".repeat(400));
  const steps = Constraint.make("regex", expression, gpt2, [END]);
  const added: number[] = [];
  for (let isDone: boolean | undefined = false; !isDone;) {
    added.push(numAddedToSets(() => isDone = steps.next().done));
  }
  const total = added.reduce((sum, each) => sum + each);
  assert(Math.max(...added) < total / 10, `${Math.max(...added)} of ${total} in one step`);
});

Deno.test("who gives up waiting for a constraint does not wait, and others get it nevertheless", async () => {
  const regex = "[b-z]{9999}".repeat(9);
  const compile = (signal?: AbortSignal) => compileConstraint({ regex }, gpt2, [END], signal);
  const controller = new AbortController();
  const order: string[] = [];
  const made = compile().then((constraint) => {
    order.push("made");
    return constraint;
  });
  const givenUp = assertRejects(() => compile(controller.signal), DOMException, "enough")
    .then(() => order.push("given up"));
  setTimeout(() => controller.abort(new DOMException("enough", "AbortError")), 0);
  await Promise.all([made, givenUp]);
  assertEquals(order, ["given up", "made"]);
  assertStrictEquals(await compile(), await made);
});

Deno.test("compileConstraint() does not take what is long for what is nested", async () => {
  const long = "a".repeat(250_000);
  await assertRejects(() => start({ regex: long }), InvalidArgumentError, "is too large: received");
  // More alternatives than a function can have arguments.
  const pattern = `^(?:${"b|".repeat(150_000)}c)$`;
  await start({ jsonSchema: { type: "string", pattern, maxLength: 1 } });
});

Deno.test("compileConstraint() tries again what could not be made", async () => {
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => start({ regex: "a{9999}".repeat(21) }), RangeError, "too large");
  }
});
