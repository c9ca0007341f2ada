import assert from "node:assert/strict";
import { HEADERS, PATHS } from "../cases.ts";
import { RATES } from "../target.ts";
import { assertCheap, checkEach, type Kind, MAIN_THREAD_MS } from "./kind.ts";

/** Paths, parameters and headers of requests without a token. */
export const lines: Kind = {
  name: "paths and headers",
  checks: {
    ...checkEach(
      PATHS,
      (name) => `refuses without a token, at little cost: ${name}`,
      (target, path) => assertCheap(target, () => target.http("GET", path())),
    ),
    ...checkEach(
      HEADERS,
      (name) => `takes little time for ${name}`,
      async (target, headers) => {
        const spent = await target.mainThreadMs(target.api, () =>
          target.http("GET", RATES, undefined, undefined, headers()),
        );
        assert.ok(spent <= MAIN_THREAD_MS, `the API took ${spent} ms`);
      },
    ),
  },
  async send(target) {
    for (const path of Object.values(PATHS)) await target.http("GET", path());
    for (const headers of Object.values(HEADERS)) await target.http("GET", RATES, undefined, undefined, headers());
  },
};
