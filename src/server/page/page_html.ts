/**
 * The page on which one writes with the model: one file, which asks only its own server for anything.
 *
 * @module
 */
import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";
import { settingsHtml } from "./settings_html.ts";

const ICON = "data:image/svg+xml," +
  "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Crect width='16' height='16' rx='3' fill='%23205ca0'/%3E" +
  "%3Cpath d='M3 5h10M3 8h7M3 11h4' stroke='white' stroke-width='1.6' stroke-linecap='round'/%3E%3C/svg%3E";

/** HTML. */
export const PAGE_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Write with a model</title>
<link rel="icon" href="${ICON}">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>Write with <span id="model">a model</span></h1>
<div id="context"><span id="context-text"></span><span id="context-bar" aria-hidden="true"><span></span></span></div>
</header>
<main>
<section id="paper" aria-label="Text">
<div id="editor" contenteditable="true" role="textbox" aria-multiline="true" spellcheck="false" autocapitalize="off" tabindex="0"
 aria-label="Text that the model continues" aria-describedby="keys" data-placeholder="Write how a text begins, then let the model continue it."></div>
<div id="candidates" role="group" aria-label="What could be here instead" hidden></div>
<div id="problem" role="alert"></div>
<form id="key-form" hidden>
<label for="key">The server asks for a key</label>
<input id="key" type="password" autocomplete="off" spellcheck="false" aria-describedby="problem key-hint">
<button type="submit">Use it</button>
<p class="hint" id="key-hint">It is kept until this tab is closed.</p>
</form>
<div id="bar">
<button type="button" id="continue" class="main" title="Ctrl+Enter">Continue</button>
<button type="button" id="stop" title="Escape" disabled>Stop</button>
<button type="button" id="undo" title="Ctrl+Z" disabled>Undo</button>
<button type="button" id="redo" title="Ctrl+Shift+Z" disabled>Redo</button>
<span id="status"></span>
<button type="button" id="copy" title="The whole text">Copy</button>
<button type="button" id="new" title="An empty text; this one stays among the branches">New</button>
</div>
</section>
<aside aria-label="Branches and settings">
<section id="branches-section" aria-labelledby="branches-title" hidden>
<h2 id="branches-title">Branches</h2>
<div id="branches"></div>
</section>
<details id="settings" open>
<summary><h2>How tokens are drawn</h2></summary>
${settingsHtml()}
</details>
<details id="help">
<summary><h2>Keys and colours</h2></summary>
<p id="legend" aria-hidden="true">unlikely <span></span><span></span><span></span><span></span><span></span> likely</p>
<p>Words of the model are the bluer, the likelier each was to the model itself, before settings change that. Point at one, tap it or move the cursor to
it: what else could be there is shown, and choosing that cuts the text there and writes on from it. What follows a place where you
type is your own text from then on.</p>
<ul id="keys">
<li><kbd>Ctrl</kbd>+<kbd>Enter</kbd> continue, <kbd>Esc</kbd> stop</li>
<li><kbd>Ctrl</kbd>+<kbd>Z</kbd> undo</li>
<li><kbd>&larr;</kbd> <kbd>&rarr;</kbd> move to a word of the model, <kbd>Tab</kbd> to what could be there instead</li>
<li>there: <kbd>&uarr;</kbd> <kbd>&darr;</kbd> candidates, <kbd>&larr;</kbd> <kbd>&rarr;</kbd> other words, <kbd>Enter</kbd> take one, <kbd>Esc</kbd> back</li>
</ul>
</details>
</aside>
</main>
<div id="spoken" class="unseen" aria-live="polite"></div>
<noscript>This page needs its own script, which is not allowed to run here.</noscript>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
