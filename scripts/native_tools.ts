/**
 * The programs that the build needs: whether they are there, and what to install if not.
 *
 * @module
 */

import { BuildError, exitCodes } from "./build_error.ts";

/** What can compute beside the CPU. */
export const backends = ["cpu", "cuda", "metal", "vulkan"] as const;
export type NativeBackend = typeof backends[number];

type System = "debian" | "fedora" | "macos" | "windows";

interface Tool {
  /** What it is, in a message. */
  name: string;
  /** Any one of these commands will do. */
  commands: string[];
  /** The environment variable that names another command. */
  variable?: string;
  packages: Record<System, string>;
}

const git: Tool = {
  name: "git",
  commands: ["git"],
  packages: { debian: "git", fedora: "git", macos: "", windows: "Git.Git" },
};
const cmake: Tool = {
  name: "cmake",
  commands: ["cmake"],
  packages: { debian: "cmake", fedora: "cmake", macos: "cmake", windows: "Kitware.CMake" },
};
const cCompiler: Tool = {
  name: "a C compiler",
  commands: ["cc", "gcc", "clang"],
  variable: "CC",
  packages: { debian: "gcc", fedora: "gcc", macos: "", windows: "" },
};
const cppCompiler: Tool = {
  name: "a C++ compiler",
  commands: ["c++", "g++", "clang++"],
  variable: "CXX",
  packages: { debian: "g++", fedora: "gcc-c++", macos: "", windows: "" },
};
const makeOrNinja: Tool = {
  name: "make or ninja",
  commands: ["ninja", "make"],
  packages: { debian: "ninja-build", fedora: "ninja-build", macos: "", windows: "" },
};
const cudaCompiler: Tool = {
  name: "nvcc (the CUDA toolkit)",
  commands: ["nvcc"],
  variable: "CUDACXX",
  packages: {
    debian: "nvidia-cuda-toolkit",
    fedora: "cuda-toolkit",
    macos: "",
    windows: "Nvidia.CUDA",
  },
};
const shaderCompiler: Tool = {
  name: "glslc (the Vulkan SDK)",
  commands: ["glslc"],
  packages: {
    debian: "glslc libvulkan-dev spirv-headers",
    fedora: "glslc vulkan-loader-devel spirv-headers-devel",
    macos: "vulkan-headers vulkan-loader shaderc spirv-headers",
    windows: "KhronosGroup.VulkanSDK",
  },
};

function toolsFor(backend: NativeBackend): Tool[] {
  // On Windows, CMake finds Visual Studio's compiler and build tool by itself; they are not on PATH.
  const compilers = Deno.build.os === "windows" ? [] : [cCompiler, cppCompiler, makeOrNinja];
  const extra = { cpu: [], metal: [], cuda: [cudaCompiler], vulkan: [shaderCompiler] }[backend];
  return [git, cmake, ...compilers, ...extra];
}

/** Throws an error that says what to install unless everything is there. */
export function requireTools(backend: NativeBackend): void {
  const onMac = Deno.build.os === "darwin";
  if (backend === "metal" && !onMac) refuse("metal", "exists only on macOS", "cpu, cuda or vulkan");
  if (backend === "cuda" && onMac) {
    refuse("cuda", "does not exist on macOS", "cpu, metal or vulkan");
  }
  const missing = toolsFor(backend).filter((tool) => findTool(tool) === undefined);
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.name);
  const list = names.length === 1
    ? `${names[0]} is`
    : `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are`;
  throw new MissingToolsError(list, installCommands(missing));
}

/** Thrown if a program is not there that the build needs. */
export class MissingToolsError extends BuildError {
  /**
   * @param list what is missing, up to the verb: `git and cmake are`
   * @param commands what installs it
   */
  constructor(readonly list: string, readonly commands: readonly string[]) {
    super(
      `Cannot build the native library: ${list} not on PATH. To install what is missing:\n` +
        commands.map((line) => `  ${line}`).join("\n"),
      exitCodes.environment,
    );
  }
}

function refuse(backend: NativeBackend, problem: string, others: string): never {
  throw new BuildError(
    `Cannot build the native library for ${backend}: it ${problem}: received ${Deno.build.os}. ` +
      `Choose --backend ${others}.`,
    exitCodes.environment,
  );
}

/** Whether ninja is there; make is used otherwise. */
export function hasNinja(): boolean {
  return findOnPath("ninja") !== undefined;
}

/**
 * What tells one set of compilers from another without running them: where they are, how large, and since when.
 * Undefined if one is missing.
 */
export function compilerId(backend: NativeBackend): string | undefined {
  const compilers = [cCompiler, cppCompiler, ...(backend === "cuda" ? [cudaCompiler] : [])];
  const ids: string[] = [];
  for (const compiler of compilers) {
    const path = findTool(compiler);
    if (path === undefined) return undefined;
    const real = Deno.realPathSync(path);
    const { size, mtime } = Deno.statSync(real);
    ids.push(`${real} ${size} ${mtime?.toISOString()}`);
  }
  return ids.join(", ");
}

function findTool({ commands, variable }: Tool): string | undefined {
  // CMake takes CC="ccache gcc" for a command with arguments.
  const chosen = variable && Deno.env.get(variable)?.trim().split(/\s+/)[0];
  for (const command of chosen ? [chosen] : commands) {
    const path = findOnPath(command);
    if (path !== undefined) return path;
  }
}

function findOnPath(command: string): string | undefined {
  if (/[\\/]/.test(command)) return isExecutable(command) ? command : undefined;
  const windows = Deno.build.os === "windows";
  for (const folder of (Deno.env.get("PATH") ?? "").split(windows ? ";" : ":")) {
    const path = `${folder || "."}/${command}${windows ? ".exe" : ""}`;
    if (isExecutable(path)) return path;
  }
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

function installCommands(missing: Tool[]): string[] {
  const packagesOn = (system: System) =>
    missing.map((tool) => tool.packages[system]).filter((name) => name !== "").join(" ");
  if (Deno.build.os === "darwin") {
    const names = packagesOn("macos");
    return [
      ...(missing.some((tool) => tool.packages.macos === "") ? ["xcode-select --install"] : []),
      ...(names === "" ? [] : [`brew install ${names}`]),
    ];
  }
  if (Deno.build.os === "windows") {
    return missing.map((tool) => `winget install ${tool.packages.windows}`);
  }
  const debian = `sudo apt-get install ${packagesOn("debian")}`;
  const fedora = `sudo dnf install ${packagesOn("fedora")}`;
  const family = linuxFamily();
  if (family === "debian") return [debian];
  if (family === "fedora") return [fedora];
  return [`Debian, Ubuntu: ${debian}`, `Fedora: ${fedora}`];
}

function linuxFamily(): "debian" | "fedora" | undefined {
  let release: string;
  try {
    release = Deno.readTextFileSync("/etc/os-release");
  } catch {
    return undefined;
  }
  const ids = release.match(/^ID(_LIKE)?=.*$/gm)?.join(" ") ?? "";
  return /debian|ubuntu/.test(ids) ? "debian" : /fedora|rhel/.test(ids) ? "fedora" : undefined;
}
