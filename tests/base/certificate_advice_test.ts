import { assertEquals, assertMatch } from "@std/assert";
import { certificateAdvice } from "../../src/base/certificate_advice.ts";

Deno.test("certificateAdvice() names Deno's variables for a certificate, and nothing for other failures", () => {
  for (const problem of ["UnknownIssuer", "Expired", "certificate not valid for name"]) {
    const reason = `client error (Connect): invalid peer certificate: ${problem}`;
    assertMatch(certificateAdvice(reason) ?? "", /DENO_TLS_CA_STORE=system .* DENO_CERT/);
  }
  assertEquals(
    certificateAdvice("tcp connect error: Connection refused (os error 111)"),
    undefined,
  );
});
