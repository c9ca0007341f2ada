import Type from "typebox";
import { RUNNERS, type RunnerType } from "../../contract/states.ts";
import { type PlatformStatus, readActivity, readStatus } from "../../monitoring/activity.ts";
import { bottleneckOf, MAX_INLINE_BYTES } from "../../monitoring/bottleneck.ts";
import { memoizeBriefly } from "../memoizeBriefly.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { invalid } from "../problem.ts";
import { queueDepth } from "../queueDepth.ts";
import { Figures, Stats } from "../statsAnswers.ts";
import type { JobRoutePlugin } from "./plugin.ts";

/** How far back figures may look from now, and in how many steps a chart shows it. */
const SPANS = {
  "15m": { seconds: 900, steps: 30 },
  "1h": { seconds: 3_600, steps: 60 },
  "6h": { seconds: 21_600, steps: 72 },
  "24h": { seconds: 86_400, steps: 48 },
} as const;
type Span = keyof typeof SPANS;
/** The longest range that figures are made of: a week of jobs is read in a few seconds. Seconds. */
const LONGEST_RANGE = 7 * 86_400;
/** Steps of a range between two times: the shortest that makes at most so many. Seconds. */
const RANGE_STEPS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200] as const;
const MOST_STEPS = 96;
/** A time that JavaScript and Postgres read alike: of this century, in UTC. */
const Time = (description: string) =>
  Type.Optional(Type.String({ format: "date-time", pattern: "^20\\d\\d-.*Z$", maxLength: 30, description }));
const Query = Type.Object(
  {
    over: Type.Enum(["15m", "1h", "6h", "24h"], { default: "1h", description: "how far back to look from now" }),
    from: Time("with `to`, another range than `over`: at most 7 days, in UTC"),
    to: Time("the end of that range, exclusive, in UTC"),
  },
  { additionalProperties: false },
);
/** What happened within so many minutes tells how things stand. */
const STANDING_MINUTES = 5;

/**
 * GET /stats and /stats/figures: statistics of the caller's own jobs. An admin gets those of all jobs, and the state of the
 * platform (capacity, queues, database, bottleneck).
 */
export const statsRoute: JobRoutePlugin = async (app, { db, settings, tracking, cloud, guard }) => {
  const keep = memoizeBriefly();
  const depth = queueDepth(cloud);

  /** The state of the platform, what ended lately, and the bottleneck. */
  const activityOf = (tenant: string | undefined, range: Range) =>
    keep(JSON.stringify([range, tenant]), () => readActivity(db, { tenant, ...range, nearBytes: MAX_INLINE_BYTES }));
  const look = async (range: Range) => {
    const [status, activity, lately, requests, deadLetters] = await Promise.all([
      keep("status", () => readStatus(db, STANDING_MINUTES)),
      activityOf(undefined, range),
      // The bottleneck is that of now, whatever range is looked at.
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
      summary:
        "Jobs by state and error, percentiles of their times; for admins runs against capacity and the bottleneck",
      answers: { 200: { description: "the caller's jobs in figures; an admin's: everybody's", schema: Stats } },
      errors: ["TrackingUnavailable"],
    }),
    async (request) => {
      const { tenant, scopes } = callerOfRequest(request);
      if (!scopes.includes("admin")) return tracking.summarise({ tenant });
      const [summary, { status, bottleneck }] = await Promise.all([tracking.summarise({}), look(SPANS["1h"])]);
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
      summary: "What ended lately step by step; for admins the state of the platform and the bottleneck",
      querystring: Query,
      answers: { 200: { description: "what the dashboard shows", schema: Figures } },
    }),
    async (request) => {
      const { tenant, scopes } = callerOfRequest(request);
      const range = rangeOf(request.query);
      const caller = { tenant, scopes };
      if (!scopes.includes("admin")) return { caller, activity: await activityOf(tenant, range) };
      const { status, activity, bottleneck, queues } = await look(range);
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

/** A time to look at, and in how many steps. */
interface Range {
  seconds: number;
  steps: number;
  until?: string;
}

/** The range that a query names: from now back, or between two times. */
function rangeOf({ over, from, to }: { over: Span; from?: string; to?: string }): Range {
  if (from === undefined && to === undefined) return SPANS[over];
  if (from === undefined || to === undefined)
    throw invalid([{ field: from === undefined ? "from" : "to", message: "is needed: give both from and to." }]);
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / 1_000);
  if (Number.isNaN(seconds) || seconds <= 0)
    throw invalid([{ field: "to", value: to, message: "must be after from." }]);
  if (seconds > LONGEST_RANGE)
    throw invalid([{ field: "from", value: from, message: "must be at most 7 days before to." }]);
  const step = (RANGE_STEPS.find((one) => seconds <= one * MOST_STEPS) ?? LONGEST_RANGE / MOST_STEPS) * 1_000;
  // Whole steps, as the database bins them.
  const steps = Math.ceil(Date.parse(to) / step) - Math.floor(Date.parse(from) / step);
  return { seconds: (steps * step) / 1_000, steps, until: new Date(to).toISOString() };
}
