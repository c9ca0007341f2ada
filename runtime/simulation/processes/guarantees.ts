import { createHash } from "node:crypto";
import { liveRuns } from "./files.ts";
import type { ProcessHarness } from "./harness.ts";
import type { Observations } from "./observations.ts";
import { OTHER_TASK_SQL } from "./requests.ts";

const TERMINAL = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);

/** Returns true if a schedule has no work left. */
export async function isAtRest(
  harness: ProcessHarness,
  { accepted, withReply, conflicts }: Observations,
): Promise<boolean> {
  const { server, responses, directory } = harness;
  const ids = [...accepted];
  const [row] =
    (await server.tryQuery(
      `select (select count(*)::int from jobs.jobs where request_id = any ($1) and finished_at is not null) as ended,
         (select count(*)::int from jobs.responses where due_at is not null)
         + (select case when $2 then count(*) else 0 end::int from jobs.untracked)
         + (select count(*)::int from jobs.runs where state <> 'ENDED') as open`,
      [ids, harness.storesDocuments],
    )) ?? [];
  if (row?.ended !== ids.length || row.open > 0 || liveRuns(directory).length > 0) return false;
  const refused = (id: string) =>
    responses.some(({ requestId, body }) => requestId === id && body.includes("RequestIdConflict"));
  return (
    [...withReply].every((id) => responses.some(({ requestId }) => requestId === id)) && [...conflicts].every(refused)
  );
}

/** Verifies guarantees 1 to 6 from outside: by responses, tables, results and processes. */
export async function violatedGuarantees(
  harness: ProcessHarness,
  { requests, accepted, withReply, conflicts, violations: observed }: Observations,
): Promise<string[]> {
  const violations = [...observed];
  const { server, responses, directory } = harness;
  const ids = requests.map(({ requestId }) => requestId);
  const jobs =
    (await server.tryQuery(
      "select request_id, response_id, status, task ->> 'sql' as sql from jobs.jobs where request_id = any ($1)",
      [ids],
    )) ?? [];
  const prices = ((await server.tryQuery("select price from prices")) ?? []).map(({ price }) => price);
  const counts = new Map<number, number>();
  for (const price of prices) counts.set(price, (counts.get(price) ?? 0) + 1);

  const open = (await server.tryQuery("select id, state from jobs.runs where state <> 'ENDED'")) ?? [];
  if (open.length > 0) violations.push(`guarantee 5: ${open.length} runs were never found to have ended`);
  const liveCount = liveRuns(directory).length;
  if (liveCount > 0) violations.push(`guarantee 5: ${liveCount} runs outlive their work`);

  if (harness.storesDocuments) {
    for (const id of await harness.wrongDocuments([...accepted]))
      violations.push(`the tracking store has not caught up: the document of ${id} is not its job's`);
  }

  for (const { requestId, prices: ownPrices, rows, task } of requests) {
    if (!accepted.has(requestId)) continue;
    const [job, ...others] = jobs.filter(({ request_id }) => request_id === requestId);
    if (!job || others.length > 0) {
      violations.push(`guarantee ${job ? 3 : 1}: ${others.length + (job ? 1 : 0)} jobs of request ${requestId}`);
      continue;
    }
    if (!TERMINAL.has(job.status))
      violations.push(`guarantee ${job.status === "PENDING" ? 1 : 5}: job ${requestId} stays ${job.status}`);
    const jobResponses = responses.filter(({ responseId }) => responseId === job.response_id);
    const [jobResponse] = jobResponses;
    if (!jobResponse && withReply.has(requestId)) violations.push(`guarantee 1: job ${requestId} never got a response`);
    if (jobResponses.some(({ body }) => body !== jobResponse?.body))
      violations.push(`guarantee 1: the copies of the response to ${requestId} differ`);
    if (jobResponse && jobResponse.status !== job.status)
      violations.push(`guarantee 1: job ${requestId} is ${job.status}, and its response says ${jobResponse.status}`);

    // Of two requests with the same id, the first to be accepted becomes the job; a queue has no fixed order.
    const isOther = job.sql === OTHER_TASK_SQL;
    const isDone = job.status === "SUCCEEDED" && !isOther;
    const miscounted = ownPrices.filter((price) => (counts.get(price) ?? 0) !== (isDone ? 1 : 0));
    if (miscounted.length > 0)
      violations.push(
        `guarantee 2: ${miscounted.length} of ${ownPrices.length} prices of ${requestId} (${job.status}) are not in the table as often as they should be`,
      );
    if (isDone && jobResponse && (task as { type: string }).type === "read")
      violations.push(...(await wrongResult(harness, requestId, jobResponse.body, rows)));
  }
  for (const id of conflicts) {
    const refusals = responses.filter(({ requestId, body }) => requestId === id && body.includes("RequestIdConflict"));
    const ownResponseId = jobs.find(({ request_id }) => request_id === id)?.response_id;
    if (refusals.length === 0) violations.push(`guarantee 3: no RequestIdConflict response for ${id}`);
    if (refusals.some(({ responseId }) => responseId === ownResponseId))
      violations.push(`guarantee 3: the response to the conflict about ${id} has its job's own responseId`);
  }
  return violations;
}

/** Returns the violations of guarantee 1 in the result of a read: missing rows or a wrong checksum. */
async function wrongResult(harness: ProcessHarness, requestId: string, body: string, rows: number): Promise<string[]> {
  const { result } = JSON.parse(body);
  const text = result.location ? await harness.object(result.location) : Buffer.from(result.inline);
  const expected = Array.from({ length: rows }, (_, index) => `{"n":${index + 1}}\n`).join("");
  if (text.toString() !== expected)
    return [`guarantee 1: the result of ${requestId} differs from the rows that its job must return`];
  const checksum = createHash("sha256").update(text).digest("hex");
  return result.sha256 === undefined || result.sha256 === checksum
    ? []
    : [`guarantee 1: the checksum of ${requestId}'s result is wrong`];
}
