/**
 * What the engine has to do.
 *
 * @module
 */
import type { Task } from "./reading.ts";
import type { Sequence } from "./sequence.ts";

/** Tasks in the order in which they were asked for. There may be tens of thousands of them. */
export class TaskList {
  readonly #tasks = new Set<Task>();
  /** How many of them say how long a sequence will be. */
  readonly #numPending = new Map<Sequence, number>();
  /** How many of them copy a sequence. */
  readonly #numCopies = new Map<Sequence, number>();

  /** How many there are. */
  get size(): number {
    return this.#tasks.size;
  }

  /** All of them now. */
  [Symbol.iterator](): Iterator<Task> {
    return this.#tasks.values();
  }

  /** Adds one behind the others. */
  add(task: Task): void {
    this.#tasks.add(task);
    this.#count(task, 1);
  }

  /** Takes one away: it is done, or refused. One that is not there does nothing. */
  delete(task: Task): void {
    if (this.#tasks.delete(task)) this.#count(task, -1);
  }

  /** Whether a sequence is still to be read, or is a fork of one that is. */
  isPending(sequence: Sequence): boolean {
    return this.#numPending.has(sequence);
  }

  /** Whether there are to be copies of a sequence. */
  isToBeCopied(sequence: Sequence): boolean {
    return this.#numCopies.has(sequence);
  }

  /** Those that need not wait for an earlier one: none changes what they need, and they change nothing that one needs. */
  get ready(): Task[] {
    const ready: Task[] = [];
    const changed = new Set<Sequence>();
    const copied = new Set<Sequence>();
    for (const task of this.#tasks) {
      const target = targetOf(task);
      const source = task.kind === "copying" ? task.from : undefined;
      const waits = changed.has(target) || copied.has(target) ||
        (source !== undefined && changed.has(source));
      if (!waits) ready.push(task);
      changed.add(target);
      if (source !== undefined) copied.add(source);
    }
    return ready;
  }

  /** How many sequences are to be read or made that have no slot yet. */
  get numWaiting(): number {
    const waiting = new Set<Sequence>();
    for (const task of this.#tasks) {
      const sequence = targetOf(task);
      if (sequence.slot === undefined) waiting.add(sequence);
    }
    return waiting.size;
  }

  #count(task: Task, change: number): void {
    if (task.kind === "copying") changeCount(this.#numCopies, task.from, change);
    // Of a copy that is made from what is known, the length is known too.
    const saysLength = task.kind !== "copying" || task.length === undefined;
    if (saysLength) changeCount(this.#numPending, targetOf(task), change);
  }
}

/** What a task changes. */
function targetOf(task: Task): Sequence {
  return task.kind === "copying" ? task.to : task.sequence;
}

/** Changes how many there are of something; of what there is none, nothing is kept. */
function changeCount(counts: Map<Sequence, number>, sequence: Sequence, change: number): void {
  const count = (counts.get(sequence) ?? 0) + change;
  if (count === 0) counts.delete(sequence);
  else counts.set(sequence, count);
}
