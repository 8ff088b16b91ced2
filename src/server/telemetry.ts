/**
 * Spans for Deno's own OpenTelemetry (`OTEL_DENO=true`). Deno's span of a request ends with the headers of its answer, so
 * what is written has one of its own within it.
 *
 * @module
 */
import type { CompletionUsage } from "./completions/usage.ts";

/** As much of OpenTelemetry's interfaces as is used here; Deno has them without types. */
interface Tracer {
  startSpan(name: string, options: object, context: unknown): Span;
}

interface Span {
  setAttributes(attributes: Readonly<Record<string, string | number>>): void;
  setStatus(status: { readonly code: number; readonly message?: string }): void;
  end(): void;
}

/** What OpenTelemetry calls a failure. */
const ERROR = 2;

/** Nothing where nobody asked for telemetry, which shows when the first span is begun. */
let tracer: Tracer | undefined = Deno.telemetry.tracerProvider.getTracer("@allformers/gpt2");

/** The span of a completion, from its first prompt to its last token. */
export class CompletionSpan {
  readonly #span: Span | undefined;

  /** @param id the name of the request */
  constructor(modelName: string, id: string) {
    this.#span = startSpan();
    // The names are those of OpenTelemetry's conventions for generative models.
    this.#span?.setAttributes({
      "gen_ai.operation.name": "text_completion",
      "gen_ai.request.model": modelName,
      "http.request.id": id,
    });
  }

  /** Ends well. */
  end(usage: CompletionUsage): void {
    this.#span?.setAttributes({
      "gen_ai.usage.input_tokens": usage.numPromptTokens,
      "gen_ai.usage.output_tokens": usage.numWrittenTokens,
      "gen_ai.usage.cached_input_tokens": usage.numReusedTokens,
    });
    this.#span?.end();
  }

  /** Ends with an error. */
  fail(error: unknown): void {
    const message = error instanceof Error ? error.name : "error";
    this.#span?.setStatus({ code: ERROR, message });
    this.#span?.end();
  }
}

function startSpan(): Span | undefined {
  try {
    return tracer?.startSpan("text_completion", {}, Deno.telemetry.contextManager.active());
  } catch {
    tracer = undefined;
    return undefined;
  }
}
