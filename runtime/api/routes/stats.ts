import Type from "typebox";
import { BOUNDS } from "../../contract/bounds.ts";
import { invalidRequest } from "../../contract/problemList.ts";
import { RUNNERS, type RunnerType } from "../../contract/states.ts";
import { type PlatformStatus, readActivity, readStatus } from "../../monitoring/activity.ts";
import { bottleneckOf } from "../../monitoring/bottleneck.ts";
import { instantOf } from "../jobFilter.ts";
import { memoizeBriefly } from "../memoizeBriefly.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { queueDepth } from "../queueDepth.ts";
import { Figures, Stats } from "../statsResponses.ts";
import type { JobRoutePlugin } from "./plugin.ts";

/** Periods up to now, with the number of steps of their charts. */
const SPANS = {
  "15m": { seconds: 900, steps: 30 },
  "1h": { seconds: 3_600, steps: 60 },
  "6h": { seconds: 21_600, steps: 72 },
  "24h": { seconds: 86_400, steps: 48 },
} as const;
type Span = keyof typeof SPANS;
/** Longest range. A week of jobs is read in a few seconds. */
const MAX_RANGE_SECONDS = 7 * 86_400;
/**
 * Step lengths of a custom range. The shortest one that gives at most MAX_STEPS steps is used; a range that does not
 * begin at a step has one more.
 */
const STEP_SECONDS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200] as const;
const MAX_STEPS = 96;
/** Schema of a time in this century, in UTC. */
const Time = (description: string) =>
  Type.Optional(
    Type.String({
      format: "date-time",
      pattern: "^20\\d\\d-.*Z$",
      maxLength: 30,
      description,
      rule: "an ISO 8601 time in UTC, for example 2026-01-31T00:00:00Z",
    }),
  );
const Query = Type.Object(
  {
    over: Type.Enum(["15m", "1h", "6h", "24h"], { default: "1h", description: "period up to now" }),
    from: Time("the start of a range that replaces `over` and ends at `to`: at most 7 days, in UTC"),
    to: Time("the end of the range, exclusive, in UTC"),
  },
  { additionalProperties: false },
);
/** Period that the current state is computed from. */
const STATUS_MINUTES = 5;

/**
 * GET /stats and /stats/figures: statistics of the jobs of the caller's tenant. An admin gets those of all jobs, and the
 * state of the platform (capacity, queues, database, bottleneck).
 */
export const statsRoute: JobRoutePlugin = async (app, { db, settings, tracking, cloud, guard }) => {
  const cached = memoizeBriefly();
  const depth = queueDepth(cloud);

  const activityOf = (tenant: string | undefined, range: Range) =>
    cached(JSON.stringify([range, tenant]), () =>
      readActivity(db, { tenant, ...range, nearBytes: BOUNDS.inlineBytes }),
    );
  /** Reads the state of the platform, recent activity and the bottleneck. */
  const readSnapshot = async (range: Range) => {
    const [status, activity, recent, requests, deadLetters] = await Promise.all([
      cached("status", () => readStatus(db, STATUS_MINUTES)),
      activityOf(undefined, range),
      // The bottleneck does not depend on the range: it is that of the current state and the last hour.
      activityOf(undefined, SPANS["1h"]),
      depth(cloud.queues.requests),
      depth(cloud.queues.deadLetters),
    ]);
    const bottleneck = bottleneckOf({ status, settings, requests, results: recent.results });
    return { status, activity, bottleneck, queues: { requests, deadLetters } };
  };

  const slotsOf = (runner: RunnerType) => settings.runners[runner].slots;
  const runnersOf = (status: PlatformStatus) =>
    Object.fromEntries(
      RUNNERS.map((runner) => [
        runner,
        {
          ...status[runner],
          working: status.working[runner] ?? 0,
          slots: slotsOf(runner),
          ...(status.paused[runner] === undefined ? {} : { paused: status.paused[runner] }),
        },
      ]),
    );

  app.get(
    "/stats",
    operation(guard, {
      id: "getStats",
      tag: "operations",
      scope: "read",
      summary: "Jobs by state and error, and percentiles of their times; for admins also capacity and the bottleneck",
      responses: {
        200: { description: "statistics of the jobs of the caller's tenant; for admins of all jobs", schema: Stats },
      },
      errors: ["TrackingUnavailable"],
    }),
    async (request) => {
      const { tenant, scopes } = callerOfRequest(request);
      if (!scopes.includes("admin")) return tracking.summarize({ tenant });
      const [summary, { status, bottleneck }] = await Promise.all([tracking.summarize({}), readSnapshot(SPANS["1h"])]);
      const capacity = Object.fromEntries(
        RUNNERS.map((runner) => [
          runner,
          { running: status[runner].running ?? 0, working: status.working[runner] ?? 0, slots: slotsOf(runner) },
        ]),
      );
      return { ...summary, capacity, bottleneck };
    },
  );

  app.get(
    "/stats/figures",
    operation(guard, {
      id: "getFigures",
      tag: "operations",
      scope: "read",
      summary: "Activity step by step; for admins also the state of the platform and the bottleneck",
      querystring: Query,
      responses: { 200: { description: "data of the dashboard's overview", schema: Figures } },
    }),
    async (request) => {
      const { tenant, scopes } = callerOfRequest(request);
      const range = rangeOf(request.query);
      const caller = { tenant, scopes };
      if (!scopes.includes("admin")) return { caller, activity: await activityOf(tenant, range) };
      const { status, activity, bottleneck, queues } = await readSnapshot(range);
      const { platform, database } = status;
      return {
        caller,
        bottleneck,
        runners: runnersOf(status),
        platform,
        database,
        queues,
        activity,
      };
    },
  );
};

/** A period with its number of steps. */
interface Range {
  seconds: number;
  steps: number;
  until?: string;
}

/**
 * Returns the range of a query: a period up to now, or between two times.
 * @throws JobError InvalidRequest
 */
function rangeOf({ over, from, to }: { over: Span; from?: string; to?: string }): Range {
  if (from === undefined && to === undefined) return SPANS[over];
  if (from === undefined || to === undefined)
    throw invalidRequest([
      { field: from === undefined ? "from" : "to", message: "is required: give both from and to." },
    ]);
  const until = instantOf(to);
  const [begin, end] = [Date.parse(instantOf(from)), Date.parse(until)];
  const seconds = Math.round((end - begin) / 1_000);
  if (seconds <= 0) throw invalidRequest([{ field: "to", value: to, message: "must be after from." }]);
  if (seconds > MAX_RANGE_SECONDS)
    throw invalidRequest([{ field: "from", value: from, message: "must be at most 7 days before to." }]);
  const stepSeconds = STEP_SECONDS.find((step) => seconds <= step * MAX_STEPS) ?? MAX_RANGE_SECONDS / MAX_STEPS;
  const stepMs = stepSeconds * 1_000;
  // The range is extended to whole steps, as the database bins them.
  const steps = Math.ceil(end / stepMs) - Math.floor(begin / stepMs);
  return { seconds: steps * stepSeconds, steps, until };
}
