import type { Schedule } from "./schedule.ts";

/**
 * Verifies guarantees 1 to 6 and 9 from outside.
 *
 * @returns descriptions of the violations
 */
export async function violatedGuarantees({ requests, environment }: Schedule): Promise<string[]> {
  const violations = [...environment.violations];
  const { rows: jobs } = await environment.admin.query(
    // Of two requests with the same id, either may arrive first and become the job.
    "select request_id, response_id, status, task ->> 'type' as type, task ->> 'sql' like '%other%' as other from jobs.jobs order by id",
  );
  const { rows: prices } = await environment.admin.query("select price from prices");
  const { rows: open } = await environment.admin.query("select id, state from jobs.runs where state <> 'ENDED'");
  if (open.length > 0) violations.push(`guarantee 5: ${open.length} runs were never found to have ended`);

  for (const { deleted, body } of environment.messages)
    if (!deleted) violations.push(`guarantee 1: ${body.slice(0, 60)} was not accepted`);
  const torn = environment.messages.filter(({ body }) => body.endsWith("torn")).length;
  if (torn > 0 && environment.deadLetters.length === 0) violations.push("guarantee 9: an invalid message disappeared");

  /** Returns true if one of the messages of a request asks for a reply on the queue. */
  const isWanted = (id: string) =>
    environment.messages.some(({ body }) => {
      if (body.endsWith("torn") || body.includes("'other'")) return false;
      const { requestId, reply } = JSON.parse(body) as { requestId: string; reply?: string };
      return requestId === id && reply !== "none";
    });

  const bodies = new Map<string, Set<string>>();
  for (const { responseId, body } of environment.responses)
    bodies.set(responseId, (bodies.get(responseId) ?? new Set()).add(body));
  for (const [id, copies] of bodies)
    if (copies.size > 1) violations.push(`guarantee 1: the copies of response ${id} differ`);

  for (const { body } of environment.messages.filter(({ body }) => body.includes("'other'"))) {
    const { requestId } = JSON.parse(body) as { requestId: string };
    // If the other task became the job, the original request is refused instead, and it may ask for no reply.
    const isOther = jobs.some((job) => job.request_id === requestId && job.other);
    if (isOther && !isWanted(requestId)) continue;
    if (
      !environment.responses.some(
        (response) => response.requestId === requestId && response.body.includes("RequestIdConflict"),
      )
    )
      violations.push(`guarantee 3: no RequestIdConflict response for ${requestId}`);
  }

  for (const { requestId, prices: ownPrices } of requests) {
    const ownJobs = jobs.filter((job) => job.request_id === requestId);
    const [job] = ownJobs;
    if (!job || ownJobs.length > 1) {
      violations.push(`guarantee 3: ${ownJobs.length} jobs of request ${requestId}`);
      continue;
    }
    if (!["SUCCEEDED", "FAILED", "CANCELLED"].includes(job.status))
      violations.push(`guarantee ${job.status === "PENDING" ? 1 : 5}: job ${requestId} stays ${job.status}`);
    const jobResponses = environment.responses.filter(({ responseId }) => responseId === job.response_id);
    // Of two requests with the same id, either may be the job; the other task always asks for a reply.
    const isReplyRequested = job.other || isWanted(requestId);
    if (jobResponses.length === 0 && isReplyRequested)
      violations.push(`guarantee 1: job ${requestId} never got a response`);
    if (jobResponses.length > 0 && !isReplyRequested)
      violations.push(`guarantee 1: job ${requestId} got a response without requesting one`);
    if (jobResponses.some(({ status }) => status !== job.status))
      violations.push(
        `guarantee 1: job ${requestId} is ${job.status}, and its response says ${jobResponses[0]?.status}`,
      );
    for (const price of ownPrices) {
      const count = prices.filter((row) => row.price === price).length;
      const expected = job.status === "SUCCEEDED" && job.type === "update" ? 1 : 0;
      if (count !== expected)
        violations.push(`guarantee 2: price ${price} of ${requestId} (${job.status}) is ${count} times in the table`);
    }
  }
  return violations;
}
