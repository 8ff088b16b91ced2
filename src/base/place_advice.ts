/**
 * What to do about a file, by where it is: one of the user's own, a download in the cache that is shared with Python,
 * something in this package's cache, or what a training run has written.
 *
 * @module
 */
import { cacheFolder } from "./cache_folder.ts";
import { programName } from "./program_name.ts";
import { adviceForRun } from "./run_advice.ts";

/** A file in the cache that is shared with Python: `models--owner--name/snapshots/<commit>/x.gguf`, or a blob. */
const DOWNLOAD =
  /^(?<folder>.*[/\\]|)models--(?<owner>[^/\\]+)--(?<name>[^/\\]+)[/\\](?:snapshots[/\\](?<commit>[^/\\]+)[/\\](?<gguf>.*\.gguf)?)?/s;
/** A file of a converted model, in this package's cache. */
const CONVERTED =
  /^(?<folder>.*[/\\])(?<owner>[^/\\]+?)--(?<name>[^/\\]+)[/\\](?<commit>[^/\\]+)[/\\]/s;

/** The name of the model of the hub that a file in one of the two caches belongs to: what `models pull` takes. */
export function modelOfCachedFile(path: string): string | undefined {
  const isConverted = isIn(cacheFolder("models"), path);
  const match = (isConverted ? CONVERTED : DOWNLOAD).exec(path);
  if (match === null) return undefined;
  const { folder, owner, name, commit, gguf } = match.groups!;
  const refs = `${folder}${isConverted ? "" : "models--"}${owner}--${name}/refs`;
  const revision = commit === undefined || isMain(refs, commit) ? "" : `@${commit}`;
  return `${owner}/${name}${revision}${gguf === undefined ? "" : `:${gguf}`}`;
}

/** Whether a commit is that of the main branch, as far as this machine knows. */
function isMain(refs: string, commit: string): boolean {
  try {
    const path = `${refs}/main`;
    return Deno.statSync(path).isFile && Deno.readTextFileSync(path).trim() === commit;
  } catch {
    return false;
  }
}

/** What to do about a file whose bytes are not what they should be. */
export function adviceForDamaged(path: string | undefined): string {
  const model = path === undefined ? undefined : modelOfCachedFile(path);
  if (model !== undefined) {
    return `It is damaged in the cache: \`${programName()} models pull ${model}\` compares it with the hub, and makes it anew.`;
  }
  return (path === undefined ? undefined : adviceForRun(path)) ??
    "The file is damaged or incomplete: download, convert or save it again.";
}

/** How to have something kept in another place: `set HF_HUB_CACHE to another folder`. */
export function otherPlaceFor(path: string): string {
  if (isIn(cacheFolder(), path)) return `set ${CACHE_VARIABLE} to another folder`;
  return DOWNLOAD.test(`${path}/`) ? "set HF_HUB_CACHE to another folder" : "choose another folder";
}

/** The variable that moves this package's cache. macOS has none but the user's folder itself. */
const CACHE_VARIABLE = { windows: "LOCALAPPDATA", darwin: "HOME" }[Deno.build.os as string] ??
  "XDG_CACHE_HOME";

function isIn(folder: string | undefined, path: string): boolean {
  return folder !== undefined && (path + "/").startsWith(folder + "/");
}
