/**
 * Making the library that is open compute on a GPU: a prebuilt ggml by a module, which is fetched if that is asked for.
 *
 * @module
 */
import { NativeLibraryError, StorageError } from "../base/errors.ts";
import { sha256 } from "../base/sha256.ts";
import { doLater } from "../base/work.ts";
import {
  countDevices,
  hasDriver,
  loadModule,
  takesModules,
} from "../ffi/prebuilt/backend_module.ts";
import type { Library } from "../ffi/library.ts";
import { DamagedLibraryError, type LibraryCandidate } from "./candidate.ts";
import { driverNames, type GpuKind, gpuKinds } from "./device_name.ts";
import type { PrepareLibraryOptions } from "./prepare_options.ts";
import { prebuiltBytesToFetch } from "./prebuilt/cached_prebuilt.ts";
import {
  chooseModule,
  fetchedModule,
  hasModule,
  isFetched,
  isLikely,
  modulePath,
} from "./prebuilt/gpu_module.ts";
import type { GpuPackage } from "./prebuilt/gpu_packages.ts";
import { ensureProven } from "./proof/prove.ts";
import type { LibraryVerdict } from "./search.ts";
import { requireTrusted } from "./trusted_path.ts";

/** The library that is open, and the files that it came from. */
export interface OpenLibrary {
  readonly library: Library;
  readonly candidate: LibraryCandidate;
}

/** A GPU that nothing computes on yet, and what would be fetched for that. */
export interface GpuOffer {
  readonly kind: GpuKind;
  /** Of all that is not here yet: the module, and the prebuilt ggml that it belongs to. */
  readonly downloadBytes: number;
}

/** What became of the modules that were looked at. */
const verdicts = new Map<GpuKind, LibraryVerdict>();

/**
 * Whether a library can compute on a kind of GPU, or can be made to. Where nothing can, as where the driver is missing, that
 * is no reason to pass one over.
 */
export function servesGpu({ stamp, takesModules }: LibraryCandidate, kind: GpuKind): boolean {
  return takesModules || stamp?.backend === kind || "problem" in chooseModule(kind);
}

/**
 * Has the library compute on a kind of GPU.
 *
 * @throws {NativeLibraryError} if it cannot; the message says what to do
 * @throws {StorageError} if there is no room for the module
 */
export async function useGpu(
  kind: GpuKind,
  { library, candidate }: OpenLibrary,
  options: PrepareLibraryOptions,
): Promise<void> {
  if (hasDriver(library, driverNames[kind]) || !hasModule(kind)) return;
  const module = chooseModule(kind);
  if ("problem" in module) {
    throw gpuError(kind, `${module.problem}: received ${kind}. ${module.remedy}`);
  }
  // Whoever looks for the device says what the library lacks.
  if (!takesModules(library)) return;
  try {
    if (!isFetched(module)) {
      // Loaded only when it comes to that.
      const { fetchGpuModule } = await import("./prebuilt/fetch_gpu_module.ts");
      await fetchGpuModule(kind, module, options);
    }
    await load(kind, module, { library, candidate }, options.signal, true);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof Error) || error instanceof StorageError) throw error;
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw gpuError(
      kind,
      `what computes on ${kind} cannot be used: ${error.message}: received ${kind}. ` +
        "Choose --device cpu, or see docs/devices.md.",
      error,
    );
  }
}

/**
 * Has the library compute on the first kind of GPU whose module was fetched before and works. What does not is noted; what is
 * damaged is told.
 */
export async function useFetchedGpus(
  open: OpenLibrary,
  { onProgress, signal }: Pick<PrepareLibraryOptions, "onProgress" | "signal">,
): Promise<void> {
  if (!takesModules(open.library)) return;
  for (const kind of gpuKinds) {
    if (hasDriver(open.library, driverNames[kind])) return;
    if (verdicts.has(kind)) continue;
    const module = fetchedModule(kind);
    if (module === undefined) continue;
    try {
      await load(kind, module, open, signal, false);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      if (!(error instanceof DamagedLibraryError)) continue;
      onProgress?.({
        step: "library",
        text: `Passing over what computes on ${kind}: ${error.message}`,
      });
    }
  }
}

async function load(
  kind: GpuKind,
  module: GpuPackage,
  { library, candidate }: OpenLibrary,
  signal: AbortSignal | undefined,
  again: boolean,
): Promise<void> {
  const place = placeOf(kind);
  let path = modulePath(module)!;
  const remedy = `Remove ${path}, and it is fetched again when --device ${kind} asks for it.`;
  try {
    path = requireTrusted(path);
    if (await sha256(await Deno.readFile(path)) !== module.sha256) {
      throw new DamagedLibraryError(`${path} is damaged: it is not the original file. ${remedy}`);
    }
    signal?.throwIfAborted();
    // What works depends on all of the files together.
    const hashes = [...candidate.files, module].map(({ sha256 }) => sha256).join();
    const id = await sha256(new TextEncoder().encode(hashes));
    const paths = [...candidate.files.map(({ path }) => path), path];
    await doLater(ensureProven(paths, id, again), signal);
    if (!hasDriver(library, driverNames[kind])) loadModule(library, path);
    verdicts.set(kind, { place, path, verdict: "used" });
  } catch (error) {
    signal?.throwIfAborted();
    const problem = (error as Error).message;
    verdicts.set(kind, { place, path, verdict: "skipped", problem, remedy });
    throw error;
  }
}

/** What became of the modules for GPUs, and why there is nothing to be had from those that were not tried. */
export function describeGpus(library: Library): LibraryVerdict[] {
  return gpuKinds.flatMap((kind): LibraryVerdict[] => {
    const known = verdicts.get(kind);
    const place = placeOf(kind);
    const isBuiltIn = known === undefined && hasDriver(library, driverNames[kind]);
    if (isBuiltIn || known?.verdict === "used") {
      const found = countDevices(library, driverNames[kind]);
      const problem = found > 0 ? undefined : whyNoDevice(kind);
      return [{ place, path: known?.path, verdict: "used", problem }];
    }
    if (known !== undefined) return [known];
    if (!hasModule(kind)) return [];
    const module = chooseModule(kind);
    return "problem" in module
      ? [{ place, verdict: "skipped", problem: module.problem }]
      : [{ place, verdict: "nothing there" }];
  });
}

function whyNoDevice(kind: GpuKind): string {
  const module = chooseModule(kind);
  return "problem" in module && hasModule(kind)
    ? `no device was found: ${module.problem}`
    : "no device was found: its driver may be missing, or too old";
}

/** Whether a module for a GPU was fetched that can be opened. */
export function hasFetchedModule(): boolean {
  try {
    return gpuKinds.some((kind) => fetchedModule(kind) !== undefined);
  } catch {
    // What may not be looked at: the search for a library meets the same folder, and says so.
    return false;
  }
}

/** A GPU that is likely to be there, and that a module would serve; undefined if there is none, or a module was fetched. */
export function findGpuOffer(): GpuOffer | undefined {
  if (hasFetchedModule()) return undefined;
  for (const kind of gpuKinds) {
    if (!hasModule(kind) || !isLikely(kind)) continue;
    const module = chooseModule(kind);
    if ("problem" in module) continue;
    return { kind, downloadBytes: module.downloadBytes + prebuiltBytesToFetch() };
  }
}

function placeOf(kind: GpuKind): string {
  return `module for ${kind}`;
}

function gpuError(kind: GpuKind, text: string, cause?: Error): NativeLibraryError {
  return new NativeLibraryError(`Cannot use the device ${kind}: ${text}`, { cause });
}
