/**
 * `uninstall`: removes everything that this package has put on the machine.
 *
 * @module
 */
import { confirm, yesFlag } from "./confirm.ts";
import { defineCommand } from "./command.ts";
import { jsonFlag } from "./arguments/common_flags.ts";
import { table } from "./terminal/table.ts";
import { bytesText } from "./terminal/units.ts";
import { jsonText } from "./terminal/terminal_text.ts";

/** Removes the caches of this package and, if asked, its models in the cache that is shared with Python. */
export const uninstallCommand = defineCommand({
  name: "uninstall",
  summary: "Remove everything that this program has put on this machine.",
  details:
    "Shows first what there is, where and how large, and asks: converted models, the demo model, native libraries and " +
    "notes about them, ggml's source, what benchmarks need. The cache of Hugging Face's hub is left alone, as Python uses " +
    "it too, unless --downloads is given: then the GPT-2 models in it are removed. What commands were told to write " +
    "stays. The program itself is in Deno's cache (deno clean) and, if it was installed, removed with deno uninstall.",
  operands: { usage: "", min: 0, max: 0, advice: "Leave it out." },
  flags: {
    downloads: {
      kind: "switch",
      help: "Also remove the GPT-2 models in the cache that is shared with Python.",
    },
    yes: yesFlag,
    json: { ...jsonFlag, help: "Write one JSON object: what was removed, and what was kept." },
  },
  examples: [
    ["uninstall", "Show what there is, and ask"],
    ["uninstall --downloads --yes", "Remove all of it, and the downloads too"],
  ],

  async run({ values }, io) {
    // Loaded only now: every help reads this file.
    const { listOwnFiles, removeOwnFiles } = await import("./own_files.ts");
    const { cacheFolders, listDownloads, removeDownloads } = await import("./manage_models.ts");
    const folders = cacheFolders();
    const own = listOwnFiles();
    const downloads = listDownloads(folders);
    const found = values.downloads ? [...own, ...downloads] : own;
    const kept = values.downloads ? [] : downloads;
    const foundBytes = found.reduce((sum, { numBytes }) => sum + numBytes, 0);
    let isRemoved = false;
    const rows = (files: typeof own) =>
      files.map(({ content, numBytes, path }) => [content, bytesText(numBytes), path]);
    if (kept.length > 0) {
      await io.stderr.write(
        table("Kept, as Python uses it too (--downloads removes it):", rows(kept)),
      );
    }
    if (found.length === 0) {
      await io.stderr.write("There is nothing to remove.\n");
    } else {
      await io.stderr.write(table("To be removed:", rows(found)));
      isRemoved = await confirm(`Remove ${bytesText(foundBytes)}`, values.yes, io);
    }
    if (isRemoved) {
      await removeOwnFiles(own);
      if (values.downloads) await removeDownloads(folders);
      await io.stderr.write(`Removed ${bytesText(foundBytes)}.\n`);
    }
    if (values.json) {
      const result = isRemoved
        ? { removed: found, kept, freedBytes: foundBytes }
        : { removed: [], kept: [...found, ...kept], freedBytes: 0 };
      await io.stdout.write(jsonText(result, 2) + "\n");
    }
  },
});
