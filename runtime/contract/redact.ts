/** Replacement for a URL whose parts are ambiguous. */
export const UNREADABLE_URL = "a URL that cannot be read";

/** Longest URL that `redactUrl` returns. Characters. */
const MAX_URL = 500;
/** Matches the beginning of path parameters, or an encoded query separator: the text after it may be a signature. */
const PATH_END = /[?#;=&]|%(?:3f|23|3b|3d|26)/i;
/** Matches the beginning of the query of an S3 location; the other separators may be part of an object key. */
const KEY_END = /[?#]|[;&]x-amz-/i;
const AT_SIGN = /@|%40/i;

/**
 * Reduces a URL to scheme, host and path. User information, query, fragment, path parameters and everything after an
 * encoded separator are removed, since each may contain a credential.
 *
 * @param text - Any text, parsed by the WHATWG URL standard.
 * @returns The reduced URL, or `UNREADABLE_URL` unless scheme and host are certain.
 */
export function redactUrl(text: string): string {
  // URL.parse does not exist in Node 20, which runs the packed command line.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.host) return UNREADABLE_URL;
  const base = `${url.protocol}//${url.host}`;
  // `https://user:1234/x@host/`: the parser's host and port may have been meant as user name and password.
  if (AT_SIGN.test(url.pathname)) return url.port === "" ? cut(`${base}/…`, MAX_URL) : UNREADABLE_URL;
  const end = url.pathname.search(url.protocol === "s3:" ? KEY_END : PATH_END);
  return cut(base + (end < 0 ? url.pathname : url.pathname.slice(0, end)), MAX_URL);
}

/** Beginning of a URL: a known scheme, or the slashes (or backslashes) before a host. */
const URL_START = /\b(?:https?|ftp|wss?|s3|file|postgres(?:ql)?):|:[\\/]|[\\/]{2}/i;
/** Separators of a query, its parameters or a fragment, plain or encoded. */
const SEPARATOR = /[?&;#]|%(?:3f|26|3b|23)/gi;
/** Matches the name of a parameter and its `=`, after the separator. */
const PARAMETER = /^[\w.~-]{0,80}(?:=|%3d)/i;
/** Matches names of parameters that only credentials have, with or without a separator before them. */
const CREDENTIAL = /\b(?:x-amz-(?:signature|credential|security-token|algorithm)|sig|signature|password)(?:=|%3d)/i;
/** Maximum length of a parameter's name with its `=`. */
const MAX_PARAMETER_NAME = 84;

/** Returns the index of the first parameter of a query, or -1. */
function queryStart(text: string): number {
  const credential = text.search(CREDENTIAL);
  for (const { 0: separator, index } of text.matchAll(SEPARATOR)) {
    if (credential >= 0 && index > credential) break;
    const from = index + separator.length;
    if (PARAMETER.test(text.slice(from, from + MAX_PARAMETER_NAME))) return index;
  }
  return credential;
}

/** Characters that a URL parser skips. */
const URL_SKIPPED = /[\t\r\n]/g;
/** Characters that end a URL inside other text. */
const URL_END = /[\s"'<>]/;
/** Maximum number of characters before an `@` that are searched for `user:password`. */
const MAX_USER_INFO = 300;

/**
 * Removes possible credentials from a caller's text. URLs are reduced to scheme, host and path, and the text after a
 * removed part is removed too, since the end of a malformed URL is not certain. Other text is unchanged.
 */
export function redactText(text: string): string {
  const joined = text.replace(URL_SKIPPED, "");
  const start = joined.search(URL_START);
  const at = joined.search(AT_SIGN);
  const query = queryStart(joined);
  // After the start of a URL, everything after a ? or # may be a signature, even without a parameter name.
  const hasUrlQuery = start >= 0 && /[?#]/.test(joined.slice(start));
  if (query < 0 && at < 0 && !hasUrlQuery) return text;
  if (start < 0) {
    const user = at < 0 ? -1 : userBefore(joined, at);
    const end = Math.min(...[user, query].filter((index) => index >= 0));
    return Number.isFinite(end) ? `${joined.slice(0, end)}…` : text;
  }
  if (query >= 0 && query < start) return `${joined.slice(0, query)}…`;
  const from = schemeStart(joined, start);
  const before = joined.slice(0, from);
  const rest = joined.slice(from);
  // Everything before a later @ may be user information, even across an apparent end of the URL.
  const isUrlOnly = before.trim() === "" || AT_SIGN.test(rest);
  const end = isUrlOnly ? -1 : rest.search(URL_END);
  const address = end < 0 ? rest : rest.slice(0, end);
  const redactedUrl = redactUrl(address.trim());
  return `${before}${isUrlOnly && AT_SIGN.test(rest) && before.trim() !== "" ? UNREADABLE_URL : redactedUrl}…`;
}

/** Returns the start of the scheme of a URL whose `:` or slashes are at `index`. */
function schemeStart(text: string, index: number): number {
  let from = index;
  while (from > 0 && index - from < 20 && /[a-z0-9+.-]/i.test(text[from - 1] ?? "")) from--;
  return from;
}

/** Returns the start of `user:password` before an `@`, or -1 if it has no colon. */
function userBefore(text: string, at: number): number {
  let from = at;
  while (from > 0 && at - from < MAX_USER_INFO && !URL_END.test(text[from - 1] ?? "")) from--;
  return text.slice(from, at).includes(":") ? from : -1;
}

const cut = (text: string, maxLength: number): string =>
  text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
