import assert from "node:assert/strict";
import type { ApiResponse, Target } from "../target.ts";

/** Assertion about the platform, which fails when a defence is missing. */
export type Check = (target: Target) => Promise<void>;

/** One kind of hostile input. */
export interface AttackKind {
  readonly name: string;
  /** Checks by title. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Sends the kind's input once, ignoring the responses. Repeated while GET /rates is measured. */
  readonly send?: (target: Target) => Promise<unknown>;
}

/** Maximum processor time of one request on a shared process's main thread, in milliseconds. */
export const MAIN_THREAD_MS = 100;
/** Maximum size of the response to a refused request, in bytes. */
export const MAX_RESPONSE_BYTES = 64 * 1024;

/**
 * Creates one check per case.
 * @param title returns the title of a case's check
 */
export const checkEach = <T>(
  cases: Readonly<Record<string, T>>,
  title: (name: string) => string,
  check: (target: Target, input: T) => Promise<void>,
): Record<string, Check> =>
  Object.fromEntries(
    Object.entries(cases).map(([name, input]) => [title(name), (target: Target) => check(target, input)]),
  );

/** Asserts that a response refuses the request with 4xx and has at most MAX_RESPONSE_BYTES. */
export function assertRefused({ status, text }: ApiResponse, description = ""): void {
  assert.ok(status >= 400 && status < 500, `${description}: ${status} ${text.slice(0, 300)}`);
  const bytes = Buffer.byteLength(text);
  assert.ok(bytes <= MAX_RESPONSE_BYTES, `${description}: a response of ${bytes} bytes`);
}

/** Sends a request several times, and asserts that it is always refused and costs the API's main thread little time. */
export async function assertCheapRefusal(
  target: Target,
  send: () => Promise<ApiResponse>,
  description = "",
): Promise<void> {
  const responses: ApiResponse[] = [];
  const spentMs = await target.mainThreadMs(target.api, async () => {
    responses.push(await send());
  });
  for (const response of responses) assertRefused(response, description);
  assert.ok(spentMs <= MAIN_THREAD_MS, `${description}: the API took ${spentMs} ms`);
}
