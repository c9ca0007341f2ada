import assert from "node:assert/strict";
import { HEADERS, PATHS } from "../cases.ts";
import { RATES } from "../target.ts";
import { type AttackKind, assertCheapRefusal, checkEach, MAIN_THREAD_MS } from "./kind.ts";

/** Paths, parameters and headers of requests without a token. */
export const pathsAndHeaders: AttackKind = {
  name: "paths and headers",
  checks: {
    ...checkEach(
      PATHS,
      (name) => `refuses without a token, at little cost: ${name}`,
      (target, path) => assertCheapRefusal(target, () => target.http("GET", path())),
    ),
    ...checkEach(
      HEADERS,
      (name) => `takes little time for ${name}`,
      async (target, headers) => {
        const spentMs = await target.mainThreadMs(target.api, () =>
          target.http("GET", RATES, undefined, undefined, headers()),
        );
        assert.ok(spentMs <= MAIN_THREAD_MS, `the API took ${spentMs} ms`);
      },
    ),
  },
  async send(target) {
    for (const path of Object.values(PATHS)) await target.http("GET", path());
    for (const headers of Object.values(HEADERS)) await target.http("GET", RATES, undefined, undefined, headers());
  },
};
