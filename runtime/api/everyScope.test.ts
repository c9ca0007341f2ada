import assert from "node:assert/strict";
import { SCOPES } from "../contract/scopes.ts";
import { Description } from "../testing/api/description.ts";
import { populatedApi } from "../testing/api/populatedApi.ts";
import { VALID_REQUESTS } from "../testing/api/validRequests.ts";

describe("every operation of the API, with every scope", function () {
  this.slow(5_000);
  let p: Awaited<ReturnType<typeof populatedApi>>;
  let description: Description;
  before(async function () {
    this.timeout(60_000);
    p = await populatedApi();
    description = await Description.of(p.app);
  });
  after(() => p.close());

  const send = async (id: string, method: "GET" | "POST" | "DELETE", authorization: object) => {
    const request = VALID_REQUESTS[id]?.(p.known) ?? assert.fail(`${id} has no request in validRequests.ts`);
    const { url, payload, headers = {} } = request;
    return p.app.inject({ method, url, headers: { ...headers, ...authorization }, ...(payload ? { payload } : {}) });
  };

  it("is refused without a token, unless it is open", async () => {
    for (const { id, method, requiresToken } of description.operations) {
      const { statusCode } = await send(id, method, {});
      // Open operations may require other proof: a code, or a request from a page of the platform.
      if (requiresToken) assert.equal(statusCode, 401, id);
    }
  });

  it("requires its own scope or admin", async function () {
    this.timeout(120_000);
    const tokens = new Map<string, object>();
    for (const scope of SCOPES) tokens.set(scope, await p.as("nobody", scope));
    let refused = 0;
    // The jobs belong to another tenant than the caller, so that an allowed call finds none of them.
    for (const { id, method, scope } of description.operations.filter(({ requiresToken }) => requiresToken))
      for (const [held, token] of tokens) {
        const response = await send(id, method, token);
        const isForbidden = response.statusCode === 403;
        const mayCall = scope === undefined || held === scope || held === "admin";
        if (!mayCall) {
          assert.equal(response.statusCode, 403, `${id} with '${held}': ${response.body}`);
          assert.match(response.json().detail, new RegExp(`lacks the scope '${scope}'`), id);
          refused++;
        } else if (isForbidden) assert.doesNotMatch(response.body, new RegExp(`lacks the scope '${scope}'`), id);
      }
    assert.ok(refused >= 100, `${refused} calls were refused`);
  });

  it("requires more than the scope read if it changes something", () => {
    for (const { id, method, scope, requiresToken } of description.operations)
      if (requiresToken && method !== "GET" && scope === "read")
        assert.fail(`${id} is not a GET, and requires only the scope read`);
  });

  it("refuses the parameter tenant for another tenant without the scope admin", async () => {
    const reader = await p.as("nobody", "read", "submit", "update", "cancel");
    for (const { id, method, query } of description.operations.filter((each) => each.query.includes("tenant"))) {
      const request = VALID_REQUESTS[id]?.(p.known) ?? assert.fail(id);
      const url = `${request.url}${request.url.includes("?") ? "&" : "?"}tenant=acme`;
      const { statusCode } = await p.app.inject({
        method,
        url,
        headers: { ...request.headers, ...reader },
        ...(request.payload ? { payload: request.payload } : {}),
      });
      assert.equal(statusCode, 403, `${id} (${query})`);
    }
  });
});
