// docs/activations.md, against what there is.

import { assert, assertEquals } from "@std/assert";
import { activationSites } from "../../src/model/activation_sites.ts";

const page = Deno.readTextFileSync(new URL("../../docs/activations.md", import.meta.url));

Deno.test("docs/activations.md has every activation, in order, with its axes and with its names elsewhere", () => {
  const [own, elsewhere] = page.split("## Elsewhere");
  const rows = [...own.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|/gm)];
  assertEquals(
    rows.map(([, name, axes]) => [name.replace(".N.", ".0."), axes]),
    activationSites({ numLayers: 1 }).map(({ name, axes }) => [name, axes]),
  );
  const others = [...elsewhere.matchAll(/^\| `([^`]+)` +\|([^|]+)\|/gm)];
  assertEquals(others.map(([, name]) => name), rows.map(([, name]) => name));
  for (const [, name, translation] of others) assert(translation.trim() !== "", name);
});
