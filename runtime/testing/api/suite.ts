import assert from "node:assert/strict";
import { testApi } from "./api.ts";

/** An API, and the headers of a caller of the tenant acme. */
export interface ApiOfSuite {
  p: Awaited<ReturnType<typeof testApi>>;
  acme: { authorization: string };
}

const READ = { type: "read", sql: "select 1 as n", format: "json" };

/**
 * Registers the hooks of a suite that needs an API, and returns functions that call it as acme.
 * @param use - Receives the API before the first test.
 */
export function apiSuite(use: (api: ApiOfSuite) => void = () => undefined) {
  let { p, acme } = {} as ApiOfSuite;
  before(async () => {
    p = await testApi();
    acme = await p.as("acme");
    use({ p, acme });
  });
  after(() => p?.close());

  const post = (url: string, payload: object | string = {}, headers: Record<string, string> = acme) =>
    p.app.inject({ method: "POST", url, payload, headers });
  return {
    post,
    get: (url: string, headers: Record<string, string> = acme) => p.app.inject({ url, headers }),
    /** Submits a small read, unless another task is given. */
    submit: async (requestId: string, task: object = READ): Promise<void> => {
      assert.equal((await post("/jobs", { requestId, task })).statusCode, 202);
    },
  };
}
