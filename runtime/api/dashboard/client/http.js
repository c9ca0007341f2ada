import { preloaded } from "./preload.js";
import { showSignIn, signInCount } from "./session.js";

/**
 * Message of the sign-in page after a session ended. Replaces the API's message, which asks for a token if the browser
 * has already dropped the session's cookie.
 */
const SESSION_ENDED = "The session has expired or was ended. Sign in again.";

/** An error response of the API, with its message. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{ type?: string, detail?: string, problems?: { field?: string, message?: string }[] }} problem
   */
  constructor(status, { type = "", detail = `The API returned ${status}.`, problems = [] }) {
    super(detail);
    this.status = status;
    this.type = type;
    this.problems = problems;
  }
}

/** No response of the API was received, or it could not be read. */
export class ConnectionError extends Error {}

/** Returns true if the same request may succeed later. @param {unknown} error */
export const isTemporary = (error) =>
  error instanceof ConnectionError || (error instanceof ApiError && (error.status >= 500 || error.status === 429));

/**
 * Options of a request. `body`: bytes of a file, or a value that is sent as JSON.
 * @typedef {{ method?: string, body?: unknown, signal?: AbortSignal }} Options
 */

/**
 * Sends a request to the API that served this page.
 * @param {string} path
 * @param {Options} [options]
 */
export async function send(path, { method = "GET", body, signal } = {}) {
  const signInsBefore = signInCount.peek();
  const isBytes = body instanceof Blob;
  const type = isBytes ? "application/octet-stream" : "application/json";
  const init = {
    method,
    ...(body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
    headers: body === undefined ? {} : { "content-type": type },
  };
  const response = await (preloaded(path) ?? fetch(path, init)).catch((error) => {
    if (signal?.aborted) throw error;
    throw new ConnectionError("The API cannot be reached.", { cause: error });
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  // Skipped if another session has begun meanwhile.
  if (response.status === 401 && signInsBefore === signInCount.peek()) showSignIn(SESSION_ENDED);
  throw new ApiError(response.status, problem);
}

/**
 * Sends a request and parses the response as JSON of the given type.
 * @template T
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<T>}
 */
export const requestJson = async (path, options) => {
  const response = await send(path, options);
  return response.json().catch((error) => {
    if (options?.signal?.aborted) throw error;
    throw new ConnectionError("The API's response could not be read.", { cause: error });
  });
};

/** @type {(job: { tenant: string, requestId: string }, subpath?: string, search?: Record<string, string>) => string} */
export const jobPath = ({ tenant, requestId }, subpath = "", search = {}) =>
  `jobs/${encodeURIComponent(requestId)}${subpath}?${new URLSearchParams({ tenant, ...search })}`;

/** Number of problems of a request that an error message names. */
const MAX_PROBLEMS = 3;

/** Returns the message of an error; that of an invalid request names its fields. @param {unknown} error */
export function errorMessage(error) {
  if (error instanceof ApiError && error.problems.length > 0)
    return error.problems
      .slice(0, MAX_PROBLEMS)
      .map(({ field = "", message = "" }) => `${field} ${message}`.trim())
      .join(" ");
  return error instanceof Error ? error.message : String(error);
}
