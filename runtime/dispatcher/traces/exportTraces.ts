import { reasonOf } from "../../contract/reason.ts";
import { responseQueue } from "../../requests/responses.ts";
import { discardTraces, type PendingTrace, pendingTraces, tracesExported } from "../../store/traces.ts";
import type { DispatcherDeps } from "../deps.ts";
import { sendSpans } from "./otlp.ts";
import { spansOf } from "./spans.ts";

/** Jobs per request to the collector. A job has at most about 60 spans of about 900 bytes each. */
const BATCH = 50;
/** Time after which a tick begins no further batch, milliseconds. */
const MAX_EXPORT_MS = 15_000;
/** Maximum number of traces deleted per tick if there is no collector. */
const DISCARD_BATCH = 1_000;

/**
 * Exports the traces of ended jobs, in batches, until none is due. A failing collector only delays traces: they stay
 * due, and exports pause, longer each time.
 */
export async function exportTraces(context: DispatcherDeps): Promise<void> {
  const { db, settings, log, now } = context;
  if (settings.traces === undefined) {
    await discardTraces(db, DISCARD_BATCH);
    return;
  }
  const end = now() + MAX_EXPORT_MS;
  while (now() < end) {
    const jobs = await pendingTraces(db, BATCH);
    if (jobs.length === 0) return;
    const ids = jobs.map(({ id }) => id);
    try {
      await sendJobs(context, settings.traces, jobs);
    } catch (error) {
      log.warn({ jobs: jobs.length, error: reasonOf(error) }, "traces could not be exported; they stay due");
      await tracesExported(db, ids, { isFailed: true });
      return;
    }
    await tracesExported(db, ids, { isFailed: false });
  }
}

/**
 * Sends the spans of jobs in one request. If the collector refuses it, sends each half by itself, so that only
 * the refused job's trace is abandoned.
 */
async function sendJobs(
  context: DispatcherDeps,
  traces: NonNullable<DispatcherDeps["settings"]["traces"]>,
  jobs: readonly PendingTrace[],
): Promise<void> {
  const { settings, queues, log } = context;
  const spans = jobs.flatMap(({ document, runs }) => {
    if (document === null) return [];
    const queue = responseQueue(queues, document.tenant).split("/").at(-1) ?? "";
    return spansOf(document, runs ?? {}, queue);
  });
  if (spans.length === 0) return;
  const headers = await context.traceHeaders();
  const sent = await sendSpans(
    { ...traces, headers },
    { version: settings.version, environment: traces.environment },
    spans,
  );
  if (sent.outcome === "accepted") {
    if (sent.rejectedSpans > 0) log.warn({ spans: sent.rejectedSpans }, "the collector did not accept every span");
    return;
  }
  if (jobs.length === 1) {
    log.warn({ job: jobs[0]?.id, error: sent.reason }, "the collector refuses the trace of a job; abandoning it");
    return;
  }
  const middle = Math.ceil(jobs.length / 2);
  await sendJobs(context, traces, jobs.slice(0, middle));
  await sendJobs(context, traces, jobs.slice(middle));
}
