/**
 * What to do about a certificate that is not trusted.
 *
 * @module
 */

/**
 * The advice for a connection that failed, if that was for its certificate: being online does not help there.
 *
 * @param reason what Deno says about the connection
 */
export function certificateAdvice(reason: string): string | undefined {
  if (!/invalid peer certificate/.test(reason)) return undefined;
  return "Where a proxy has a certificate of its own, let Deno trust it: set DENO_TLS_CA_STORE=system if the " +
    "system does, or DENO_CERT to the file of that certificate.";
}
