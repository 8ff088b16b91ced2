/**
 * What `doctor` found, for people.
 *
 * @module
 */
import { LIBRARY_VARIABLE } from "../../native_library/locations.ts";
import { table } from "../terminal/table.ts";
import { bytesText } from "../terminal/units.ts";
import type { DoctorReport, ExaminedLocation } from "./examine.ts";

/** In which the cache of the hub is, unless other variables say where. */
const HOME_VARIABLE = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

/** The report as text: what is wrong last, where it is seen. */
export function reportText(report: DoctorReport): string {
  const { versions, machine, library, places, devices, caches, permissions, speed } = report;
  const state = (wanted: string) => permissions.find(({ name }) => name === wanted)?.state;
  const untold = state("sys") === "granted"
    ? "unknown: the system does not tell"
    : "unknown: needs --allow-sys";
  const unplaced = state("env") === "granted"
    ? `no place: ${HOME_VARIABLE} is not set`
    : "no place: needs --allow-env";
  return [
    table("Versions", [
      ["@allformers/gpt2", versions.package],
      ["Deno", `${versions.deno} (V8 ${versions.v8}, TypeScript ${versions.typescript})`],
      ["system", [machine.os, machine.osRelease, machine.arch].filter(Boolean).join(" ")],
    ]),
    table("Machine", [
      ["processor", machine.processor ?? untold],
      ["processors", String(machine.numProcessors)],
      ["memory", sizeText(machine.memoryBytes, untold)],
      ...machine.features === undefined ? [] : [["features", machine.features.join(" ")]],
      ...machine.levels === undefined ? [] : [["levels", machine.levels.join(", ")]],
    ]),
    table(
      "Native library",
      library === undefined ? [["none can be used"]] : [
        ["path", library.path],
        ["ggml", library.ggmlVersion],
        ["level", library.level ?? "none"],
        ["chosen", library.chosen],
        ["made for", library.instructionSets.join(" ")],
      ],
    ),
    table("Where it may be, in this order", places.map(placeRow)),
    table(
      "Devices",
      devices.map(({ name, description, freeBytes, totalBytes }) => [
        name,
        description,
        totalBytes === 0 ? "" : memoryText(totalBytes, freeBytes),
      ]),
    ),
    table(
      "Caches",
      caches.map(({ content, path, bytes }) => [content, sizeText(bytes, ""), path ?? unplaced]),
    ),
    table("Permissions", permissions.map(({ name, state, purpose }) => [name, state, purpose])),
    ...(speed === undefined ? [] : [
      table("Speed", [[
        `${speed.tokensPerSecond.toFixed(0)} tokens/s`,
        `a random model of ${(speed.numParameters / 1e6).toFixed(1)} million weights, F32`,
      ]]),
    ]),
    table(
      "To do",
      report.fixes.length === 0 ? [["nothing: all is well"]] : report.fixes.flatMap(item),
    ),
  ].join("\n");
}

function memoryText(totalBytes: number, freeBytes: number | undefined): string {
  return freeBytes === undefined
    ? bytesText(totalBytes)
    : `${bytesText(freeBytes)} of ${bytesText(totalBytes)} free`;
}

function placeRow({ place, path, verdict, problem }: ExaminedLocation): string[] {
  // Of all places, this one is a variable.
  const isUnset = place === LIBRARY_VARIABLE && verdict === "nothing there";
  const what = isUnset ? "not set" : verdict;
  return [place, what, [path, problem].filter((text) => text !== undefined).join(": ")];
}

/** A row for each line. */
function item(text: string): string[][] {
  return text.split("\n").map((line) => [line]);
}

function sizeText(bytes: number | undefined, otherwise: string): string {
  return bytes === undefined ? otherwise : bytesText(bytes);
}
