/**
 * The formats of strings.
 *
 * @module
 */

const YEAR_OF_29_DAYS = String
  .raw`(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`;
const DATE = String.raw`(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])` +
  String
    .raw`|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|${YEAR_OF_29_DAYS}-02-29)`;
const TIME_OF_DAY = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`;
const TIME = String.raw`${TIME_OF_DAY}:[0-5]\d(?:\.\d{1,9})?(?:Z|[+\-]${TIME_OF_DAY})`;
const BYTE = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const LOCAL = "[A-Za-z0-9_+\\-]";
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,59}[A-Za-z0-9])?";
/** A last one of digits would be taken for an address. */
const LAST_LABEL = "[A-Za-z](?:[A-Za-z0-9\\-]{0,59}[A-Za-z0-9])?";
const SOME_TIME = String
  .raw`T(?:\d{1,2}H(?:\d{1,2}M(?:\d{1,2}S)?)?|\d{1,2}M(?:\d{1,2}S)?|\d{1,2}S)`;

const URL_CHARACTER = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})";

/** By name: the regular expression that a string of this format matches as a whole. All are narrower than their standards. */
export const FORMATS: Readonly<Record<string, string>> = {
  /** RFC 3339, with T and Z as capital letters, and without leap seconds. */
  "date-time": `${DATE}T${TIME}`,
  /** RFC 3339: only days that there are. */
  "date": DATE,
  "time": TIME,
  /** RFC 3339: days and a time, as in P3DT12H30M5S. */
  "duration": String.raw`P(?:\d{1,5}D(?:${SOME_TIME})?|${SOME_TIME})`,
  "uuid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
  /** Letters, digits and some signs, with a dot among them perhaps, then @ and two or three names with dots between them. */
  "email": String.raw`${LOCAL}{1,32}(?:\.${LOCAL}{1,31})?@${LABEL}(?:\.${LABEL}){1,2}`,
  "ipv4": String.raw`${BYTE}(?:\.${BYTE}){3}`,
};

/** Formats that say what a text is for, and nothing of its characters, as Pydantic has them. */
export const ANY_FORMATS: readonly string[] = ["binary", "password", "path"];

/** What comes before the path in the longest URL has 260 characters; then there are up to three signs between its parts. */
const URL_HEAD_LENGTH = 263;
/** Path, query and fragment, in which up to three characters stand for one. */
const URL_LENGTH_PER_CHARACTER = 3 * 3;

/**
 * RFC 3986: http and https, with a host that has a name, the last part of which begins with a letter.
 *
 * @param maxLength none is longer. Where it is not Infinity, path, query and fragment have a third of the room each.
 */
export function uriWithin(maxLength: number): string {
  const most = Math.max(0, Math.floor((maxLength - URL_HEAD_LENGTH) / URL_LENGTH_PER_CHARACTER));
  const some = `(?:${URL_CHARACTER}|/){0,${most === Infinity ? "" : most}}`;
  return `https?://(?:${LABEL}\\.){0,3}${LAST_LABEL}(?::[1-9]\\d{0,3})?(?:/${some})?` +
    `(?:\\?${some})?(?:#${some})?`;
}
