/**
 * Which module of a prebuilt ggml computes on a kind of GPU here, and whether the machine has what it needs.
 *
 * @module
 */
import { cacheFolder } from "../../base/cache_folder.ts";
import { infoIfAny } from "../../base/files.ts";
import { isInstalled } from "../../ffi/prebuilt/backend_module.ts";
import { systemHasPath } from "../../ffi/system_library.ts";
import type { GpuKind } from "../device_name.ts";
import { prebuiltFolderIn } from "./cached_prebuilt.ts";
import { type GpuPackage, gpuPackages } from "./gpu_packages.ts";

/** What is missing for a kind of GPU, and what to do about it, as sentences. */
export interface GpuProblem {
  readonly problem: string;
  readonly remedy: string;
}

/** The packages that have a module for this system, best first; none for most pairs of system and kind. */
function packagesFor(kind: GpuKind): readonly GpuPackage[] {
  return gpuPackages[`${Deno.build.os} ${Deno.build.arch}`]?.[kind] ?? [];
}

/** Whether there is a module for this system. */
export function hasModule(kind: GpuKind): boolean {
  return packagesFor(kind).length > 0;
}

/**
 * The package whose module can be opened on this machine.
 *
 * @returns what is missing, if there is none
 */
export function chooseModule(kind: GpuKind): GpuPackage | GpuProblem {
  const packages = packagesFor(kind);
  const missing = packages.map(({ needs }) => needs.filter((name) => !isInstalled(name)));
  const chosen = packages.find((_, i) => missing[i].length === 0);
  return chosen ?? describeMissing(kind, missing[0]?.find(isOfDriver) ?? missing[0]?.[0]);
}

/** Where a module is, or would be: beside the prebuilt ggml, which it needs; undefined without a cache. */
export function modulePath({ file, sha256 }: GpuPackage): string | undefined {
  const libraries = cacheFolder("libraries");
  // Two packages for one kind have files of the same name.
  return libraries && `${prebuiltFolderIn(libraries)}/${sha256.slice(0, 8)}-${file}`;
}

/** Whether a module was fetched. */
export function isFetched(module: GpuPackage): boolean {
  const path = modulePath(module);
  return path !== undefined && infoIfAny(path)?.isFile === true;
}

/** The module of a kind that was fetched and can be opened, if there is one. A driver takes time to look for, so that comes last. */
export function fetchedModule(kind: GpuKind): GpuPackage | undefined {
  if (!packagesFor(kind).some(isFetched)) return undefined;
  const module = chooseModule(kind);
  return "problem" in module || !isFetched(module) ? undefined : module;
}

/** What shows that there is a GPU, without opening anything; on other systems only a driver can tell. */
const DEVICE_FILES: Readonly<Record<GpuKind, readonly string[]>> = {
  cuda: ["/dev/nvidiactl", "/dev/dxg"],
  vulkan: ["/dev/dri/renderD128", "/dev/dri/renderD129"],
  metal: [],
};

/** Whether a GPU of a kind is likely to be there: it is offered then, and no more than that. */
export function isLikely(kind: GpuKind): boolean {
  return Deno.build.os !== "linux" || DEVICE_FILES[kind].some(systemHasPath);
}

/** Whether a library comes with a driver, without which nothing else matters. */
function isOfDriver(name: string): boolean {
  return /^(libcuda\.|nvcuda)/i.test(name);
}

function describeMissing(kind: GpuKind, name: string | undefined): GpuProblem {
  if (name === undefined) {
    return {
      problem: `there is no prebuilt module for ${kind} on ${Deno.build.os} ${Deno.build.arch}`,
      remedy: `Build for it, in a clone of the repository: deno task build --backend ${kind}.`,
    };
  }
  const is = `${name} is not on this machine`;
  if (/vulkan/i.test(name)) {
    return {
      problem: `the loader of Vulkan is missing: ${is}`,
      remedy:
        "Install it and a driver for the GPU (Debian, Ubuntu: libvulkan1 mesa-vulkan-drivers), or choose --device cpu.",
    };
  }
  if (isOfDriver(name)) {
    return {
      problem: `NVIDIA's driver is missing: ${is}`,
      remedy: "Install it, or choose --device cpu.",
    };
  }
  const version = name.match(/(?:\.so\.|_)(\d+)/)?.[1] ?? "";
  return {
    problem: `the libraries of CUDA ${version} are missing: ${is}`,
    remedy: `Install NVIDIA's CUDA toolkit ${version}, or choose --device ${
      hasModule("vulkan") ? "vulkan or cpu" : "cpu"
    }.`,
  };
}
