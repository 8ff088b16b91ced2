import { assertEquals } from "@std/assert";
import { isLoopback } from "../../../src/cli/serve/listen.ts";

Deno.test("isLoopback() knows this machine however it is written, and nothing else", () => {
  const own = ["localhost", "127.0.0.1", "127.1", "127.9.8.7", "::1", "[::1]", "0:0:0:0:0:0:0:1"];
  for (const host of [...own, "::ffff:127.0.0.1"]) assertEquals(isLoopback(host), true, host);
  const others = ["0.0.0.0", "::", "10.0.0.1", "127.example.org", "::ffff:10.0.0.1", "::2", ""];
  for (const host of [...others, "a b"]) assertEquals(isLoopback(host), false, host);
});
