/**
 * What clients ask for: the same of each server.
 *
 * @module
 */
import { Random } from "../../src/base/random.ts";

/** One request. */
export interface Asked {
  /** Token ids. */
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  /** Whether the log-probabilities of the prompt are wanted, as evaluation harnesses want them; then nothing is streamed. */
  readonly echo: boolean;
  readonly seed: number;
}

/** Requests, and how many clients share them: each asks for the next one when it has got its own. */
export interface Workload {
  readonly title: string;
  readonly numClients: number;
  readonly requests: readonly Asked[];
}

/** Ids that are words, mostly: not the last ones, which end texts. */
const NUM_IDS = 50_000;
const REQUESTS_PER_CLIENT = 4;
const SHARED_TOKENS = 512;

/** All that is measured, as a seed makes it: another one asks for other texts of the same lengths. */
export function workloadsOf(seed: number): Workload[] {
  const random = new Random(seed);
  const from = (least: number, most: number) =>
    least + Math.floor(random.next() * (most - least + 1));
  const tokens = (count: number) => Array.from({ length: count }, () => from(0, NUM_IDS));
  const requests = (count: number, make: () => Omit<Asked, "seed">): Asked[] =>
    Array.from({ length: count }, (_, i) => ({ ...make(), seed: i }));
  const mixed = (numClients: number): Workload => ({
    title: `${numClients} client${numClients === 1 ? "" : "s"}, mixed lengths`,
    numClients,
    requests: requests(
      REQUESTS_PER_CLIENT * numClients,
      () => ({ prompt: tokens(from(16, 256)), maxTokens: from(16, 128), echo: false }),
    ),
  });
  const shared = tokens(SHARED_TOKENS);
  return [
    mixed(1),
    mixed(8),
    mixed(32),
    {
      title: `8 clients, the same ${SHARED_TOKENS} tokens first`,
      numClients: 8,
      requests: requests(
        32,
        () => ({ prompt: [...shared, ...tokens(16)], maxTokens: 32, echo: false }),
      ),
    },
    {
      title: "8 clients, log-probabilities of 128 tokens",
      numClients: 8,
      requests: requests(64, () => ({ prompt: tokens(128), maxTokens: 1, echo: true })),
    },
  ];
}
