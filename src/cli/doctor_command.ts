/**
 * `doctor`: what a report of a problem should say.
 *
 * @module
 */
import { defineCommand } from "./command.ts";
import { jsonFlag } from "./arguments/common_flags.ts";
import { jsonText } from "./terminal/terminal_text.ts";

/** Looks at everything that may be wrong with an installation. */
export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "Show what works here, what does not, and what to do.",
  details:
    "Versions, the processor, the native library that is used and those that are not and why, devices, caches, " +
    "permissions, and how fast a small model runs. Put this into a report of a problem. Like every command it " +
    "fetches the native library if there is none. Exits with 78 if none can be used.",
  operands: { usage: "", min: 0, max: 0, advice: "Leave it out." },
  flags: { json: { ...jsonFlag, help: "Write one JSON object." } },
  examples: [
    ["doctor", "What to put into a report of a problem"],
    ["doctor --json", "The same for another program"],
  ],

  async run({ values }, io) {
    // Loaded only now: every start reads this file, and few go on from here.
    const { examine } = await import("./doctor/examine.ts");
    const { reportText } = await import("./doctor/report_text.ts");
    const { report, error } = await examine(io);
    if (values.json) await io.stdout.write(jsonText(report, 2) + "\n");
    else await io.stdout.writeProse(reportText(report));
    if (error !== undefined) throw error;
  },
});
