/**
 * A page in one file, which asks nobody for anything, also when it is opened from a folder.
 *
 * @module
 */

/** What is in a page. */
export interface StandalonePage {
  /** For the window of the browser. */
  readonly title: string;
  /** CSS. */
  readonly style: string;
  /** HTML of the body. */
  readonly body: string;
  /** What the script reads: as JSON in the element `data`. */
  readonly data: object;
  /** JavaScript. */
  readonly script: string;
}

/** How each page of some kind begins: who writes one anew can tell it from other files. */
export function pageBegin(kind: string): string {
  return `<!doctype html>\n<html lang="en" data-${kind}="@allformers/gpt2">`;
}

/** HTML of a whole page: a policy forbids it everything but its own style and script. */
export function standalonePage(
  kind: string,
  { title, style, body, data, script }: StandalonePage,
): string {
  return `${pageBegin(kind)}
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
<noscript>This page draws its pictures with a script of its own, which is not allowed to run here.</noscript>
<script type="application/json" id="data">${jsonForScript(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** A text as HTML, between tags or as the value of an attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** JSON within an element whose end is the first `</script`. */
function jsonForScript(value: object): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}
