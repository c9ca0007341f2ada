import Type from "typebox";
import { RUNNERS, type RunnerType } from "../../contract/states.ts";
import { type PlatformStatus, readActivity, readStatus } from "../../monitoring/activity.ts";
import { bottleneckOf, MAX_INLINE_BYTES } from "../../monitoring/bottleneck.ts";
import { memoizeBriefly } from "../memoizeBriefly.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { invalid } from "../problem.ts";
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
/** Longest range: a week of jobs is read in a few seconds. Seconds. */
const MAX_RANGE_SECONDS = 7 * 86_400;
/** Step lengths of a custom range; the shortest that gives at most MAX_STEPS steps is used. Seconds. */
const RANGE_STEPS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200] as const;
const MAX_STEPS = 96;
/** Schema of a time that JavaScript and Postgres parse alike: in this century, in UTC. */
const Time = (description: string) =>
  Type.Optional(Type.String({ format: "date-time", pattern: "^20\\d\\d-.*Z$", maxLength: 30, description }));
const Query = Type.Object(
  {
    over: Type.Enum(["15m", "1h", "6h", "24h"], { default: "1h", description: "period up to now" }),
    from: Time("with `to`, another range than `over`: at most 7 days, in UTC"),
    to: Time("the end of that range, exclusive, in UTC"),
  },
  { additionalProperties: false },
);
/** Period that the current state is computed from. Minutes. */
const STATUS_MINUTES = 5;

/**
 * GET /stats and /stats/figures: statistics of the caller's own jobs. An admin gets those of all jobs, and the state of
 * the platform (capacity, queues, database, bottleneck).
 */
export const statsRoute: JobRoutePlugin = async (app, { db, settings, tracking, cloud, guard }) => {
  const cached = memoizeBriefly();
  const depth = queueDepth(cloud);

  const activityOf = (tenant: string | undefined, range: Range) =>
    cached(JSON.stringify([range, tenant]), () => readActivity(db, { tenant, ...range, nearBytes: MAX_INLINE_BYTES }));
  /** Reads the state of the platform, recent activity and the bottleneck. */
  const readSnapshot = async (range: Range) => {
    const [status, activity, lately, requests, deadLetters] = await Promise.all([
      cached("status", () => readStatus(db, STATUS_MINUTES)),
      activityOf(undefined, range),
      // The bottleneck is the current one, whatever range is shown.
      activityOf(undefined, range.until === undefined ? range : SPANS["1h"]),
      depth(cloud.queues.requests),
      depth(cloud.queues.deadLetters),
    ]);
    const bottleneck = bottleneckOf({ status, settings, requests, results: lately.results });
    return { status, activity, bottleneck, queues: { requests, deadLetters } };
  };

  const slotsOf = (runner: RunnerType) => settings.runners[runner].slots;
  const runnersOf = (status: PlatformStatus) =>
    Object.fromEntries(
      RUNNERS.map((kind) => [
        kind,
        {
          ...status[kind],
          working: status.working[kind] ?? 0,
          slots: slotsOf(kind),
          ...(status.paused[kind] === undefined ? {} : { paused: status.paused[kind] }),
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
      answers: { 200: { description: "statistics of the caller's jobs; for admins of all jobs", schema: Stats } },
      errors: ["TrackingUnavailable"],
    }),
    async (request) => {
      const { tenant, scopes } = callerOfRequest(request);
      if (!scopes.includes("admin")) return tracking.summarise({ tenant });
      const [summary, { status, bottleneck }] = await Promise.all([tracking.summarise({}), readSnapshot(SPANS["1h"])]);
      const capacity = Object.fromEntries(
        RUNNERS.map((kind) => [
          kind,
          { running: status[kind].running ?? 0, working: status.working[kind] ?? 0, slots: slotsOf(kind) },
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
      answers: { 200: { description: "data of the dashboard's overview", schema: Figures } },
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
    throw invalid([{ field: from === undefined ? "from" : "to", message: "is required: give both from and to." }]);
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / 1_000);
  if (Number.isNaN(seconds) || seconds <= 0)
    throw invalid([{ field: "to", value: to, message: "must be after from." }]);
  if (seconds > MAX_RANGE_SECONDS)
    throw invalid([{ field: "from", value: from, message: "must be at most 7 days before to." }]);
  const step = (RANGE_STEPS.find((minutes) => seconds <= minutes * MAX_STEPS) ?? MAX_RANGE_SECONDS / MAX_STEPS) * 1_000;
  // Rounded to whole steps, as the database bins them.
  const steps = Math.ceil(Date.parse(to) / step) - Math.floor(Date.parse(from) / step);
  return { seconds: (steps * step) / 1_000, steps, until: new Date(to).toISOString() };
}
