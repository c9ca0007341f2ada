import assert from "node:assert/strict";
import pg from "pg";
import { JobError } from "../contract/errors.ts";
import { readMetrics } from "../monitoring/metrics.ts";
import { newJob } from "../testing/jobs.ts";
import { type TransitionClients, transitionStore } from "../testing/transitions.ts";
import {
  accept,
  dueResponses,
  finish,
  responsesSent,
  type SentResponse,
  type StoredResponse,
  storeRefusal,
} from "./jobs.ts";

const success = { status: "SUCCEEDED", result: "{}", rows: 1, bytes: 2, peakMemoryBytes: 3 } as const;
const refusal = {
  responseId: "r",
  tenant: "default",
  requestId: "bad",
  error: new JobError("InvalidRequest", { count: 1 }).body(),
  labels: {},
};
const sending = ({ id, version }: Pick<StoredResponse, "id" | "version">, messageId: string): SentResponse => ({
  id,
  version,
  messageId,
});

describe("the record of sent responses", () => {
  let { fixture, dispatcher, keeper } = {} as TransitionClients;
  const { sql, acceptAndClaim, jobColumns } = transitionStore((clients) => {
    ({ fixture, dispatcher, keeper } = clients);
  });

  const endJob = async (requestId: string): Promise<StoredResponse> => {
    const response = await finish(keeper, await acceptAndClaim(requestId), success);
    assert(response);
    return response;
  };

  it("keeps a response due if a repeat requests it between its sending and the record", async () => {
    const response = await endJob("a");
    await accept(dispatcher, [newJob("a")]);
    await responsesSent(keeper, [sending(response, "m-1")]);
    const [copy] = await dueResponses(dispatcher, 1, [response.id]);
    assert(copy, "the repeat's copy is not lost if the dispatcher that accepted it crashes");
    assert.equal(copy.body, response.body);
    await responsesSent(dispatcher, [sending(copy, "m-2")]);
    assert.deepEqual(await dueResponses(dispatcher, 1, [response.id]), []);
    assert.equal((await sql("select message_id from jobs.responses"))[0]?.message_id, "m-2");
  });

  it("keeps a refusal due if a repeat requests it between its sending and the record", async () => {
    const first = await storeRefusal(dispatcher, refusal);
    const second = await storeRefusal(dispatcher, refusal);
    const due = async () => (await sql("select from jobs.answers where due_at is not null")).length;
    await responsesSent(dispatcher, [sending(first, "m-1")]);
    assert.equal(await due(), 1);
    await responsesSent(dispatcher, [sending(second, "m-2")]);
    assert.equal(await due(), 0);
  });

  it("does not change when a response of a job or a refused request is recorded again", async () => {
    const sent = [sending(await endJob("a"), "m-1"), sending(await storeRefusal(dispatcher, refusal), "m-2")];
    const rows = () => sql("select xmin::text from jobs.jobs union all select xmin::text from jobs.answers");
    await responsesSent(keeper, sent);
    const before = await rows();
    await responsesSent(keeper, sent);
    assert.deepEqual(await rows(), before);
  });

  it("creates a new version of the document when a repeat requests the response again", async () => {
    const response = await endJob("a");
    await responsesSent(keeper, [sending(response, "m-1")]);
    const state = () => jobColumns("a", "version::int, changed::text, sent_at is not null as sent");
    const before = await state();
    await accept(dispatcher, [newJob("a")]);
    const after = await state();
    assert.deepEqual([before.sent, after.sent, after.version], [true, false, before.version + 1]);
    assert.notEqual(after.changed, before.changed);
  });

  it("measures the age of an unsent response from the last request for it", async () => {
    const response = await endJob("a");
    const refusalResponse = await storeRefusal(dispatcher, refusal);
    await responsesSent(keeper, [sending(response, "m-1"), sending(refusalResponse, "m-2")]);
    await sql(
      `update jobs.jobs set finished_at = finished_at - interval '1 hour', changed_at = changed_at - interval '1 hour'`,
    );
    await sql(
      `update jobs.answers set created_at = created_at - interval '1 hour', asked_at = asked_at - interval '1 hour'`,
    );
    await accept(dispatcher, [newJob("a")]);
    await storeRefusal(dispatcher, refusal);
    const { platform } = await readMetrics(dispatcher, 1);
    assert.equal(platform.unsentResponses, 2);
    assert(platform.oldestUnsent < 600, `${platform.oldestUnsent} s`);
    await sql("update jobs.jobs set changed_at = changed_at - interval '1 hour'");
    assert((await readMetrics(dispatcher, 1)).platform.oldestUnsent >= 3_600);
  });

  /** Calls `work` while job "a" is locked, and asserts that it waits without holding a lock on the later job "b". */
  const assertLocksInOrder = async (work: () => Promise<unknown>) => {
    const observer = await fixture.as("dispatcher");
    const holder = new pg.Client(fixture.database.url);
    await holder.connect();
    try {
      await holder.query("begin; select from jobs.jobs where request_id = 'a' for update");
      const working = work();
      while ((await observer.query("select from pg_locks where not granted")).rowCount === 0);
      await fixture.admin.query("select from jobs.jobs where request_id = 'b' for update nowait");
      await holder.query("commit");
      await working;
    } finally {
      await holder.end();
    }
  };

  it("locks the jobs of sent or repeated responses in the order of their ids", async () => {
    const sent: SentResponse[] = [];
    for (const id of ["a", "b"]) {
      sent.unshift(sending(await endJob(id), `m-${id}`));
    }
    await assertLocksInOrder(() => responsesSent(keeper, sent));
    await assertLocksInOrder(() => accept(dispatcher, [newJob("b"), newJob("a")]));
  });
});
