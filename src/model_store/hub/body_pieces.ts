/**
 * The bytes of an answer, which may stop to come.
 *
 * @module
 */
import type { StallTimer } from "./stall_timer.ts";

/**
 * The bytes of a body as they come. Leaving the loop ends the request.
 *
 * @param timer stops the request; it does not run while the bytes are worked on
 * @throws what {@linkcode StallTimer.explain} says
 */
export async function* bodyPieces(
  { body }: Response,
  timer: StallTimer,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    while (true) {
      timer.restart();
      const result = await reader.read().catch((error) => {
        throw timer.explain(error);
      });
      timer.stop();
      if (result.done) return;
      yield result.value;
    }
  } finally {
    // Its errors interest nobody now.
    await reader.cancel().catch(() => {});
  }
}
