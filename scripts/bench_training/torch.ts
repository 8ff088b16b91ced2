/**
 * PyTorch as programs that train: processes of Python that wait for their turn.
 *
 * @module
 */
import { BenchError } from "../bench/command.ts";
import type { Clock, Program, Shape, Steps } from "./program.ts";

/** How to start one. */
export interface TorchOptions {
  /** The interpreter. */
  readonly python: string;
  readonly threads: number;
  readonly clock: Clock;
  /** A Hugging Face checkpoint with `batch.json`. */
  readonly folder: string;
  readonly shape: Shape;
}

/** One process, in which one model is trained by several programs. */
export class TorchProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  /** The program whose answer is awaited. */
  #working: string | undefined;

  constructor({ python, threads, clock, folder, shape }: TorchOptions) {
    const script = `${import.meta.dirname}/torch_peer.py`;
    this.#child = new Deno.Command(python, {
      args: [script, folder, ...[threads, shape.batch, shape.seq].map(String), clock],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** A program by the name that the script knows. */
  program(name: string): Program {
    let isFresh = true;
    return {
      name,
      run: (steps) => {
        const fresh = isFresh;
        isFresh = false;
        return this.#order({ program: name, steps, fresh });
      },
    };
  }

  async #order(order: { program: string; steps: number; fresh: boolean }): Promise<Steps> {
    if (this.#working !== undefined) {
      throw new BenchError(`the process was still busy with ${this.#working}`);
    }
    this.#working = order.program;
    await this.#input.write(new TextEncoder().encode(JSON.stringify(order) + "\n"));
    let line = "";
    while (!line.endsWith("\n")) {
      const { value } = await this.#output.read();
      if (value === undefined) {
        throw new BenchError("its process has ended");
      }
      line += value;
    }
    this.#working = undefined;
    return JSON.parse(line);
  }

  /** Ends the process, whatever it is doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#child.status;
  }
}
