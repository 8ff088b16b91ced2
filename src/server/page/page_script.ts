/**
 * What the page does: JavaScript for browsers, in one text, since the page asks for no file.
 *
 * @module
 */
import { BASE_SCRIPT } from "../../page/base_script.ts";
import { BRANCHES_SCRIPT } from "./script/branches_script.ts";
import { CANDIDATES_SCRIPT } from "./script/candidates_script.ts";
import { EDITOR_SCRIPT } from "./script/editor_script.ts";
import { REQUESTS_SCRIPT } from "./script/requests_script.ts";
import { SETTINGS_SCRIPT } from "./script/settings_script.ts";
import { TEXT_SCRIPT } from "./script/text_script.ts";
import { WRITING_SCRIPT } from "./script/writing_script.ts";

/** JavaScript. */
export const PAGE_SCRIPT = `"use strict";
${BASE_SCRIPT}${TEXT_SCRIPT}${REQUESTS_SCRIPT}${SETTINGS_SCRIPT}${BRANCHES_SCRIPT}${EDITOR_SCRIPT}` +
  `${CANDIDATES_SCRIPT}${WRITING_SCRIPT}`;
