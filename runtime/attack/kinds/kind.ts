import assert from "node:assert/strict";
import type { ApiResponse, Target } from "../target.ts";

/** An assertion about the platform, which fails when a defence is missing. */
export type Check = (target: Target) => Promise<void>;

/** One kind of hostile input. */
export interface Kind {
  readonly name: string;
  /** Guarantee, in the present tense, and its check. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Sends the kind's input once without judging the answers: the load while others are measured. */
  readonly send?: (target: Target) => Promise<unknown>;
}

/** Processor time that one request may take of a shared process's main thread, in milliseconds. */
export const MAIN_THREAD_MS = 100;
/** Longest answer to a request that is refused, in bytes. */
export const MAX_RESPONSE_BYTES = 64 * 1024;

/** A check per case, named by what it shows. */
export const checkEach = <T>(
  cases: Readonly<Record<string, T>>,
  title: (name: string) => string,
  check: (target: Target, input: T) => Promise<void>,
): Record<string, Check> =>
  Object.fromEntries(
    Object.entries(cases).map(([name, input]) => [title(name), (target: Target) => check(target, input)]),
  );

/** Fails unless an answer refuses the request with 4xx, and has at most MAX_RESPONSE_BYTES. */
export function assertRefused({ status, text }: ApiResponse, what = ""): void {
  assert.ok(status >= 400 && status < 500, `${what}: ${status} ${text.slice(0, 300)}`);
  assert.ok(text.length <= MAX_RESPONSE_BYTES, `${what}: an answer of ${text.length} bytes`);
}

/** Sends a request several times: it is refused, and takes little of the API's main thread each time. */
export async function assertCheap(target: Target, send: () => Promise<ApiResponse>, what = ""): Promise<void> {
  const answers: ApiResponse[] = [];
  const spent = await target.mainThreadMs(target.api, async () => {
    answers.push(await send());
  });
  for (const answer of answers) assertRefused(answer, what);
  assert.ok(spent <= MAIN_THREAD_MS, `${what}: the API took ${spent} ms`);
}
