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
    for (const { id, method, guarded } of description.operations) {
      const { statusCode } = await send(id, method, {});
      // Open operations may require other proof: a code, or a request from a page of the platform.
      if (guarded) assert.equal(statusCode, 401, id);
    }
  });

  it("is refused with every scope but its own, and never with its own", async function () {
    this.timeout(120_000);
    const tokens = new Map<string, object>();
    for (const scope of SCOPES) tokens.set(scope, await p.as("nobody", scope));
    let refused = 0;
    // The caller is of another tenant than the jobs, so that an allowed call finds and changes nothing.
    for (const { id, method, scope } of description.operations.filter(({ guarded }) => guarded))
      for (const [held, token] of tokens) {
        const answer = await send(id, method, token);
        const isForbidden = answer.statusCode === 403;
        const mayCall = scope === undefined || held === scope || held === "admin";
        if (!mayCall) {
          assert.equal(answer.statusCode, 403, `${id} with '${held}': ${answer.body}`);
          assert.match(answer.json().detail, new RegExp(`lacks the scope '${scope}'`), id);
          refused++;
        } else if (isForbidden) assert.doesNotMatch(answer.body, new RegExp(`lacks the scope '${scope}'`), id);
      }
    assert.ok(refused >= 100, `${refused} calls were refused`);
  });

  it("requires another scope than read if it changes something", () => {
    for (const { id, method, scope, guarded } of description.operations)
      if (guarded && method !== "GET" && scope === "read")
        assert.equal(id, "explainJob", `${id} changes something, and needs read`);
  });

  it("accepts the parameter tenant for another tenant from admins only", async () => {
    const reader = await p.as("nobody", "read", "submit", "update", "cancel");
    for (const { id, method, query } of description.operations.filter((one) => one.query.includes("tenant"))) {
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
