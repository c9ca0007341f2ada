import assert from "node:assert/strict";
import { onRequests } from "./requests.ts";
import { sqsEvent, testDispatcher } from "./testing.ts";

const read = { type: "read", query: "price_export" };
const bad: Record<string, string> = {
  surrogateInSql: '{"requestId":"x","task":{"type":"read","query":"average_rates","params":{"orig_code":"\\ud800"}}}',
  surrogateInLabel: `{"requestId":"x","labels":{"a":"\\ud800"},"task":${JSON.stringify(read)}}`,
  nulInline:
    '{"requestId":"x","task":{"type":"update","target":"prices","source":{"inline":[{"orig_code":"\\u0000"}]}}}',
  surrogateInline:
    '{"requestId":"x","task":{"type":"update","target":"prices","source":{"inline":[{"orig_code":"\\ud800"}]}}}',
  deep: `{"requestId":"x","task":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  deepInline: `{"requestId":"x","task":{"type":"update","target":"prices","source":{"inline":[{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}]}}}`,
};
describe("a message that cannot be stored", () => {
  for (const [name, body] of Object.entries(bad))
    it(`is answered and blocks no other: ${name}`, async () => {
      const d = await testDispatcher();
      try {
        const r = await onRequests(d.context, sqsEvent(body, { requestId: "good", task: read }));
        const answers = (await d.receive(d.context.queues.responses)).map((m) => JSON.parse(m.Body ?? ""));
        assert.deepEqual(r, { batchItemFailures: [] });
        assert.equal((await d.admin.query("select count(*)::int as n from jobs.jobs")).rows[0].n, 1);
        assert.deepEqual(
          answers.map((a) => [a.requestId, a.error.type]),
          [["x", "InvalidRequest"]],
        );
      } finally {
        await d.close();
      }
    });
});
