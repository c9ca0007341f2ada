import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { RUNNERS, type RunnerKind } from "../../contract/states.ts";
import { readActivity, readStanding, type Standing } from "../../monitoring/activity.ts";
import { bottleneckOf, MAX_INLINE_BYTES } from "../../monitoring/bottleneck.ts";
import type { JobDeps } from "../deps.ts";
import { kept } from "../kept.ts";
import { operation } from "../operation.ts";
import { callerOfRequest, type Guard } from "../plugins/auth.ts";
import { Figures, Stats } from "../statsAnswers.ts";

/** How far back figures may go, and in how many steps a plot shows it. */
const SPANS = { hour: { minutes: 60, steps: 60 }, day: { minutes: 1_440, steps: 48 } } as const;
const Query = Type.Object(
  { over: Type.Enum(["hour", "day"], { default: "hour", description: "how far back to look" }) },
  { additionalProperties: false },
);
/** What happened within so many minutes tells how things stand. */
const STANDING_MINUTES = 5;
/** SQS counts messages by approximation, and charges by the call. */
const QUEUE_MS = 5_000;

/**
 * GET /stats and /stats/figures: statistics of the caller's own jobs. An admin gets those of all jobs, and the state of the
 * platform (capacity, queues, database, bottleneck).
 */
export function statsRoute(app: FastifyInstance, { db, settings, tracking, cloud }: JobDeps, guard: Guard): void {
  const keep = kept();
  const keepLonger = kept(QUEUE_MS);

  /** About how many messages wait; undefined where nobody says. */
  const depth = (queue: string) =>
    keepLonger(queue, async () => {
      const command = new GetQueueAttributesCommand({
        QueueUrl: queue,
        AttributeNames: ["ApproximateNumberOfMessages"],
      });
      const answer = await cloud.sqs.send(command).catch(() => undefined);
      const count = answer?.Attributes?.ApproximateNumberOfMessages;
      return count === undefined ? undefined : Number(count);
    });

  /** The state of the platform, what ended lately, and the bottleneck. */
  const activityOf = (tenant: string | undefined, over: keyof typeof SPANS) =>
    keep(JSON.stringify([over, tenant]), () =>
      readActivity(db, { tenant, ...SPANS[over], nearBytes: MAX_INLINE_BYTES }),
    );
  const look = async (over: keyof typeof SPANS) => {
    const [standing, activity, requests, deadLetters] = await Promise.all([
      keep("standing", () => readStanding(db, STANDING_MINUTES)),
      activityOf(undefined, over),
      depth(cloud.queues.requests),
      depth(cloud.queues.deadLetters),
    ]);
    const bottleneck = bottleneckOf({ standing, settings, requests, results: activity.results });
    return { standing, activity, bottleneck, queues: { requests, deadLetters } };
  };

  const slotsOf = (runner: RunnerKind) => settings.runners[runner].slots;
  const runnersOf = (standing: Standing) =>
    Object.fromEntries(
      RUNNERS.map((kind) => [
        kind,
        {
          ...standing[kind],
          working: standing.working[kind] ?? 0,
          slots: slotsOf(kind),
          ...(standing.paused[kind] === undefined ? {} : { paused: standing.paused[kind] }),
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
      const [summary, { standing, bottleneck }] = await Promise.all([tracking.summarise({}), look("hour")]);
      const capacity = Object.fromEntries(
        RUNNERS.map((kind) => [
          kind,
          { running: standing[kind].running ?? 0, working: standing.working[kind] ?? 0, slots: slotsOf(kind) },
        ]),
      );
      return { ...summary, capacity, bottleneck };
    },
  );

  app.get<{ Querystring: Static<typeof Query> }>(
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
      const { over } = request.query;
      const caller = { tenant, scopes };
      if (!scopes.includes("admin")) return { caller, activity: await activityOf(tenant, over) };
      const { standing, activity, bottleneck, queues } = await look(over);
      const { platform, database } = standing;
      return {
        caller,
        bottleneck,
        runners: runnersOf(standing),
        platform,
        database,
        queues,
        activity,
      };
    },
  );
}
