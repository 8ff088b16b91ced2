import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { FileFormatError } from "../../src/base/errors.ts";
import { openSafetensorsFolder } from "../../src/formats/safetensors_folder.ts";
import { entry, safetensorsBytes } from "./safetensors_bytes.ts";
import { inFolder } from "./in_folder.ts";

const FIXTURES = new URL("../fixtures/formats/", import.meta.url);
const INDEX = "model.safetensors.index.json";

/** A file with tensors of one byte each. */
function writeShard(path: string, names: readonly string[]): void {
  const header = `{${names.map((name, i) => entry(name, "U8", "[1]", i, i + 1)).join(",")}}`;
  Deno.writeFileSync(path, safetensorsBytes(header, names.length));
}

Deno.test("openSafetensorsFolder() merges the files that the Python library wrote", () => {
  using folder = openSafetensorsFolder(fileURLToPath(new URL("sharded/", FIXTURES)));
  assertEquals([...folder.metadata], [["format", "pt"]]);
  const found = Array.from(folder.tensors.values(), ({ name, shape }) => [
    name,
    shape,
    [...new Float32Array(folder.read(name).buffer)],
  ]);
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => (i - 30) / 4);
  assertEquals(Object.fromEntries(found.map(([name, ...rest]) => [name, rest])), {
    "a.weight": [[2, 3], numbers(6)],
    "a.bias": [[3], numbers(3)],
    "b.weight": [[4, 2], numbers(8)],
  });
  assertMatch(folder.sourceOf("b.weight").path, /model-00002-of-00002\.safetensors$/);
  assertThrows(
    () => folder.sourceOf("c"),
    RangeError,
    'no file of the folder has it: received "c"',
  );
});

Deno.test(
  "openSafetensorsFolder() takes model.safetensors before an index, and closes its files",
  inFolder((path) => {
    writeShard(`${path}/model.safetensors`, ["one", "two"]);
    Deno.writeTextFileSync(`${path}/${INDEX}`, "not looked at");
    const folder = openSafetensorsFolder(path);
    assertEquals([...folder.tensors.keys()], ["one", "two"]);
    folder[Symbol.dispose]();
    folder[Symbol.dispose]();
    assertThrows(() => folder.read("one"), TypeError, "the file is closed");
  }),
);

Deno.test(
  "openSafetensorsFolder() refuses an index that leads out of the folder",
  inFolder((path) => {
    const names = [
      "../x.safetensors",
      "/x.safetensors",
      "C:x.safetensors",
      "a/x.safetensors",
      "a\\x.safetensors",
      "x\0.safetensors",
      "..safetensors",
      ".safetensors",
      "",
      "x.bin",
      "x.safetensors\n",
      "~/x.safetensors",
    ];
    for (const name of [...names, 7, null, ["x.safetensors"]]) {
      Deno.writeTextFileSync(`${path}/${INDEX}`, JSON.stringify({ weight_map: { t: name } }));
      assertThrows(
        () => openSafetensorsFolder(path),
        FileFormatError,
        'tensor "t" is not in a plain .safetensors file of the same folder',
        JSON.stringify(name),
      );
    }
  }),
);

Deno.test(
  "openSafetensorsFolder() refuses an index that is no index",
  inFolder((path) => {
    const many = Object.fromEntries(
      Array.from({ length: 257 }, (_, i) => [`t${i}`, `${i}.safetensors`]),
    );
    const cases = [
      ["{}", "weight_map is not a JSON object with tensors: received nothing"],
      ["[]", "weight_map is not a JSON object"],
      ['{"weight_map": []}', "weight_map is not a JSON object with tensors: received []"],
      ['{"weight_map": {}}', "weight_map is not a JSON object with tensors"],
      [
        '{"weight_map": {"t": "a.safetensors", "t": "b.safetensors"}}',
        'the key "t" is there twice',
      ],
      [JSON.stringify({ weight_map: many }), "it names more than 256 files: received 257"],
      ["version https://git-lfs.github.com/spec/v1\n", "it is a Git-LFS pointer"],
    ];
    for (const [text, message] of cases) {
      Deno.writeTextFileSync(`${path}/${INDEX}`, text);
      const error = assertThrows(() => openSafetensorsFolder(path), FileFormatError, message);
      assertEquals(error.path, `${path}/${INDEX}`);
    }
  }),
);

Deno.test(
  "openSafetensorsFolder() refuses files that do not hold what the index says",
  inFolder((path) => {
    const names = Array.from({ length: 12 }, (_, i) => `t${i}`);
    const index = { weight_map: Object.fromEntries(names.map((name) => [name, "a.safetensors"])) };
    Deno.writeTextFileSync(`${path}/${INDEX}`, JSON.stringify(index));
    assertThrows(() => openSafetensorsFolder(path), Deno.errors.NotFound, "a.safetensors");
    writeShard(`${path}/a.safetensors`, ["t0"]);
    const error = assertThrows(
      () => openSafetensorsFolder(path),
      FileFormatError,
      "it lacks 11 tensors that the index expects",
    );
    assertEquals(error.message.match(/"t\d+"/g)?.length, 10);
    writeShard(`${path}/a.safetensors`, [...names, "extra"]);
    assertThrows(
      () => openSafetensorsFolder(path),
      FileFormatError,
      'it has 1 tensors that the index does not expect in it, ["extra"]',
    );
    writeShard(`${path}/a.safetensors`, names);
    using folder = openSafetensorsFolder(path);
    assertEquals([...folder.tensors.keys()], names);
  }),
);

Deno.test(
  "openSafetensorsFolder() says what a folder without safetensors has instead",
  inFolder((path) => {
    Deno.writeTextFileSync(`${path}/pytorch_model.bin`, "");
    assertThrows(
      () => openSafetensorsFolder(path),
      Deno.errors.NotFound,
      'received ["pytorch_model.bin"]',
    );
    assertThrows(
      () => openSafetensorsFolder(`${path}/none`),
      Deno.errors.NotFound,
      "received nothing",
    );
    Deno.mkdirSync(`${path}/model.safetensors`);
    assertThrows(() => openSafetensorsFolder(path), Deno.errors.NotFound, "received a folder");
  }),
);
