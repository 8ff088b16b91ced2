/**
 * Examines an installation.
 *
 * @module
 */
import { NativeLibraryError, StorageError } from "../../base/errors.ts";
import { availableBytes } from "../../engine/memory_budget.ts";
import {
  gpuVerdicts,
  libraryPlaces,
  type LibraryVerdict,
  libraryVerdicts,
  libraryWarnings,
} from "../../native_library/native_library.ts";
import { forcedLevel, LEVEL_VARIABLE, levelOfLibrary } from "../../native_library/cpu_levels.ts";
import { locations } from "../../native_library/locations.ts";
import {
  type DeviceDescription,
  listDevices,
  listInstructionSets,
  nativeVersion,
} from "../../tensor/list_devices.ts";
import type { Io } from "../terminal/io.ts";
import { openLibraryShowing } from "../native_library.ts";
import { type Cache, listCaches } from "./caches.ts";
import { describeMachine, describeVersions, type Machine, type Versions } from "./machine.ts";
import { listPermissions, type Permission, permissionAdvice } from "./permissions.ts";
import { checkSpeed, type SpeedCheck } from "./speed_check.ts";

/** What was found; `doctor --json` writes this. */
export interface DoctorReport {
  readonly isHealthy: boolean;
  /** What to do about what is wrong. */
  readonly fixes: readonly string[];
  readonly versions: Versions;
  readonly machine: Machine;
  /** The native library that is used; nothing if none can be. */
  readonly library?: UsedLibrary;
  /** All places where a library may be, in the order in which they are looked at. */
  readonly places: readonly ExaminedLocation[];
  readonly devices: readonly ExaminedDevice[];
  readonly caches: readonly Cache[];
  readonly permissions: readonly Permission[];
  readonly speed?: SpeedCheck;
}

/** What can compute. */
export interface ExaminedDevice extends Omit<DeviceDescription, "freeBytes"> {
  /** How much of its memory nobody uses; nothing where that cannot be told. */
  readonly freeBytes?: number;
}

/** The native library in use. */
export interface UsedLibrary {
  readonly path: string;
  readonly ggmlVersion: string;
  /** The highest level of instructions that it makes use of; nothing if it has none. */
  readonly level?: string;
  /** Why it is this one. */
  readonly chosen: string;
  /** The instruction sets that it is made for. */
  readonly instructionSets: readonly string[];
}

/** A place where a library may be, and what became of it. */
export type ExaminedLocation = Omit<LibraryVerdict, "verdict"> & {
  readonly verdict: LibraryVerdict["verdict"] | "not tried";
};

/** What was found, and the error if the native library cannot be used. */
export interface Examination {
  readonly report: DoctorReport;
  readonly error?: NativeLibraryError | StorageError;
}

/**
 * Looks at everything, whatever is missing.
 *
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function examine(io: Io): Promise<Examination> {
  const error = await openLibraryShowing(io, "auto").then(() => undefined, (error) => {
    if (error instanceof NativeLibraryError || error instanceof StorageError) return error;
    throw error;
  });
  const isOpen = error === undefined;
  const permissions = listPermissions();
  const report: DoctorReport = {
    isHealthy: isOpen,
    fixes: isOpen ? [...libraryWarnings(), ...permissionAdvice(permissions)] : [error.message],
    versions: describeVersions(),
    machine: describeMachine(),
    library: isOpen ? describeLibrary() : undefined,
    places: [...listPlaces(), ...gpuVerdicts()],
    devices: isOpen ? examineDevices() : [],
    caches: listCaches(),
    permissions,
    speed: isOpen ? await checkSpeed(io.signal) : undefined,
  };
  return { report, error };
}

/** ggml takes all of the processor's memory for free: what counts is what a model is allowed to take. */
function examineDevices(): ExaminedDevice[] {
  return listDevices().map((device) =>
    device.name === "CPU" ? { ...device, freeBytes: availableBytes() } : device
  );
}

function describeLibrary(): UsedLibrary {
  const { path, place } = libraryVerdicts().find(({ verdict }) => verdict === "used")!;
  const instructionSets = listInstructionSets();
  return {
    path: path!,
    ggmlVersion: nativeVersion(),
    level: levelOfLibrary(instructionSets),
    chosen: describeChoice(place),
    instructionSets,
  };
}

function describeChoice(place: string): string {
  const { hasLevels, isDecisive } = locations.find(({ name }) => name === place)!;
  if (isDecisive) return `named by ${place}`;
  const level = forcedLevel();
  if (level !== undefined) return `${LEVEL_VARIABLE} is ${level}`;
  return hasLevels
    ? `${place}: the first that works, of the levels that this processor has`
    : place;
}

function listPlaces(): ExaminedLocation[] {
  return libraryPlaces.flatMap((place): ExaminedLocation[] => {
    const verdicts = libraryVerdicts().filter((verdict) => verdict.place === place);
    return verdicts.length === 0 ? [{ place, verdict: "not tried" }] : verdicts;
  });
}
