/**
 * Hooks, where there are to be some.
 *
 * @module
 */
import type { GPT2Config } from "../model/config.ts";
import type { HookOptions } from "./hook_options.ts";
import type { Hooks } from "./hooked_text.ts";

/**
 * Checks what a caller wants to capture and change. Who wants nothing does not wait for what does it.
 *
 * @param action what cannot be done otherwise: `generate`
 * @throws {RangeError} if there is no such activation or position
 * @throws {TypeError} if something has the wrong type
 */
export async function startHooks(
  action: string,
  options: HookOptions,
  config: GPT2Config,
): Promise<Hooks | undefined> {
  const { checkHooks } = await import("./hooks.ts");
  return checkHooks(action, options, config);
}

/** Whether there is anything to capture or to change. */
export function wantsHooks({ capture, intervene }: HookOptions): boolean {
  return capture !== undefined || intervene !== undefined;
}
