import assert from "node:assert/strict";
import { ERRORS } from "../../contract/errors.ts";
import { testApi } from "../../testing/api/api.ts";

interface Operation {
  operationId: string;
  tags: string[];
  security: object[];
  requestBody?: { content: Record<string, { schema: { required?: string[] } }> };
  parameters?: { name: string; in: string; required?: boolean; schema: Record<string, unknown> }[];
  responses: Record<string, { description: string; content?: Record<string, { examples?: object; schema: object }> }>;
}

describe("GET /openapi.json", () => {
  let p: Awaited<ReturnType<typeof testApi>>;
  let operations: [string, Operation][];
  before(async () => {
    p = await testApi();
    const document = (await p.app.inject("/openapi.json")).json();
    assert.match(document.openapi, /^3\.1\./);
    operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as [string, Operation]),
    );
  });
  after(() => p.close());

  it("gives each operation a unique id and one tag, and requires authentication for all but five", () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    assert(ids.length > 20 && new Set(ids).size === ids.length && ids.every(Boolean));
    const open = operations.filter(([, { security }]) => security.length === 0).map(([name]) => name);
    assert.deepEqual(open.sort(), ["get /healthz", "get /login", "get /rates", "get /readyz", "post /session"]);
    assert(operations.every(([, { tags }]) => tags.length === 1));
  });

  it("documents a success and the common errors of each operation, with an example per error code", () => {
    for (const [name, { security, responses }] of operations) {
      assert(
        Object.keys(responses).some((status) => status < "400"),
        name,
      );
      for (const status of security.length > 0 && name !== "get /session"
        ? ["401", "403", "429", "500", "503"]
        : ["500", "503"])
        assert(responses[status], `${name} has a ${status}`);
      for (const [status, { description, content }] of Object.entries(responses).filter(([code]) => code >= "400")) {
        const problem = content?.["application/problem+json"];
        assert.deepEqual(Object.keys(problem?.examples ?? {}), description.split(", "), `${name} ${status}`);
        for (const code of description.split(", "))
          assert.equal(ERRORS[code as keyof typeof ERRORS].http, Number(status), code);
      }
    }
  });

  it("has the limits that requests are validated against, and does not require fields with a default", () => {
    const operationById = (id: string) => operations.find(([, { operationId }]) => operationId === id)?.[1];
    const limit = operationById("searchJobs")?.parameters?.find(({ name }) => name === "limit");
    assert.deepEqual([limit?.schema.minimum, limit?.schema.maximum, limit?.required ?? false], [1, 1000, false]);
    assert.deepEqual(operationById("submitJob")?.requestBody?.content["application/json"]?.schema.required, ["task"]);
    assert.match(JSON.stringify(operationById("submitJob")?.requestBody), /average_rates.*dest_code/);
  });
});
