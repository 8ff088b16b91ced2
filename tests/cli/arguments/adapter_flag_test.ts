import { assertEquals, assertThrows } from "@std/assert";
import { parseAdapter, parseNamedAdapter } from "../../../src/cli/arguments/adapter_flag.ts";
import { UsageError } from "../../../src/cli/arguments/usage_error.ts";

Deno.test("parseAdapter() takes a number behind the last colon for the scale", () => {
  const cases: [text: string, path: string, scale: number][] = [
    ["lora", "lora", 1],
    ["lora:0.5", "lora", 0.5],
    ["lora:-1e-2", "lora", -0.01],
    ["lora:.25", "lora", 0.25],
    ["a:b:2", "a:b", 2],
    ["lora:0", "lora", 0],
    ["C:\\lora.gguf", "C:\\lora.gguf", 1],
    ["C:\\lora.gguf:3", "C:\\lora.gguf", 3],
    ["lora:half", "lora:half", 1],
    ["lora:", "lora:", 1],
  ];
  for (const [text, path, scale] of cases) assertEquals(parseAdapter(text), { path, scale }, text);
});

Deno.test("parseAdapter() throws when there is no file, or no such number", () => {
  for (const text of ["", ":0.5", "lora:1e999"]) assertThrows(() => parseAdapter(text), UsageError);
});

Deno.test("parseNamedAdapter() takes what is before the first = for the name", () => {
  assertEquals(parseNamedAdapter("poems=a=b:2"), { name: "poems", path: "a=b", scale: 2 });
  for (const text of ["lora", "=lora", "poems=", "poems=:1"]) {
    assertThrows(() => parseNamedAdapter(text), UsageError);
  }
});
