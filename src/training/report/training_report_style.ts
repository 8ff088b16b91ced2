/**
 * How the report of a training looks: light and dark, on a wide screen and on a phone.
 *
 * @module
 */
import { BASE_STYLE } from "../../page/base_style.ts";

/** CSS. */
export const TRAINING_REPORT_STYLE = `${BASE_STYLE}
strong { color: var(--front); }
#readout {
  position: sticky; top: 0; z-index: 1; display: grid; grid-template-columns: repeat(auto-fit, minmax(7.4rem, 1fr)); gap: .3rem .8rem;
  background: var(--card); padding: .4rem 0; border-bottom: 1px solid var(--line);
}
#readout div { font-size: .8rem; color: var(--soft); line-height: 1.25; }
#readout b { display: block; font-size: 1.05rem; font-weight: 600; color: var(--front); font-variant-numeric: tabular-nums; }
.swatch { display: inline-block; width: 1rem; height: 0; margin-right: .3rem; vertical-align: middle; border-top: 3px solid rgb(var(--accent)); }
.swatch.raw { border-top-width: 1px; opacity: .55; }
.swatch.validation { border-color: rgb(var(--minus)); }
.bar-of-choices { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .6rem 0; font-size: .9rem; color: var(--soft); }
.bar-of-choices label { color: var(--front); cursor: pointer; }
.bar-of-choices input { vertical-align: -.1em; accent-color: rgb(var(--accent)); }
#charts figure { margin: 0; }
#charts figcaption { font-size: .85rem; color: var(--soft); }
#charts svg { display: block; width: 100%; touch-action: pan-y; cursor: crosshair; }
#charts text { font: 11px system-ui, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
#charts .grid { stroke: var(--line); stroke-width: 1; }
#charts .seam { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
#charts .limit { stroke: rgb(var(--minus)); stroke-width: 1; stroke-dasharray: 5 4; opacity: .7; }
#charts .cursor { stroke: var(--front); stroke-width: 1; opacity: .7; }
#charts path { fill: none; stroke: rgb(var(--accent)); stroke-width: 1.5; stroke-linejoin: round; }
#charts path.raw { stroke-width: 1; opacity: .4; }
#charts path.mean { stroke-width: 2.2; }
#charts path.validation { stroke: rgb(var(--minus)); stroke-width: 2.2; }
#charts circle { fill: rgb(var(--accent)); stroke: var(--card); stroke-width: 1.5; }
#charts circle.validation { fill: rgb(var(--minus)); }
#charts circle.best { fill: var(--card); stroke: rgb(var(--minus)); stroke-width: 2.5; }
#charts text.best { fill: var(--front); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
#step { display: block; margin: .2rem 0 0; accent-color: rgb(var(--accent)); }
details { border-top: 1px solid var(--line); }
summary { cursor: pointer; padding: .35rem 0; }
blockquote {
  margin: 0 0 .6rem; padding: .5rem .8rem; border-left: 3px solid rgb(var(--accent)); background: var(--back);
  white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.45 ui-monospace, monospace; unicode-bidi: isolate;
}
blockquote b { color: var(--soft); font-weight: 600; }
.tables { columns: 20rem; column-gap: 2.5rem; }
.tables table { width: 100%; break-inside: avoid; margin-bottom: 1.2rem; }
.tables td { white-space: normal; overflow-wrap: anywhere; }
.tables th { font-weight: 400; }
caption { text-align: left; font-weight: 600; padding-bottom: .2rem; }
@media (max-width: 40rem) {
  body { padding: .5rem; }
  section { padding: .6rem; }
  #readout { grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .2rem .5rem; }
  #readout div { font-size: .68rem; min-height: 3.2rem; }
  #readout b { font-size: .85rem; }
  #step { height: 2.2rem; }
}
`;
