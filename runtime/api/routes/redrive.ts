import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { ERRORS } from "../../contract/errors.ts";
import { RECEIVED_TOO_OFTEN, redrive } from "../../requests/deadLetters.ts";
import { recordAudit } from "../../store/audit.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest, type Guard } from "../plugins/auth.ts";

const Body = Type.Object(
  {
    types: Type.Optional(
      Type.Array(Type.Enum([RECEIVED_TOO_OFTEN, ...Object.keys(ERRORS)]), {
        minItems: 1,
        maxItems: 100,
        description: "error classes to put back; left out, those whose cause may have passed",
      }),
    ),
    dryRun: Type.Boolean({ default: false, description: "only count" }),
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 1_000, description: "dead letters to look at" }),
  },
  { additionalProperties: false },
);
const Counts = Type.Record(Type.String(), Type.Integer());
const Answer = Type.Object({ redriven: Counts, kept: Counts }, { description: "dead letters by error class" });

/** POST /redrive: puts dead letters back into the request queue. They are of all tenants, so it takes an admin. */
export function redriveRoute(app: FastifyInstance, { db, cloud }: JobDeps, guard: Guard): void {
  app.post<{ Body: Static<typeof Body> }>(
    "/redrive",
    operation(guard, {
      id: "redrive",
      tag: "operations",
      scope: "admin",
      summary: "Put dead letters back by error class",
      body: Body,
      answers: { 200: { description: "what was put back, and what was left", schema: Answer } },
      errors: ["StorageUnavailable"],
    }),
    async (request) => {
      const { types, dryRun, limit } = request.body;
      const done = await redrive(cloud.sqs, cloud.queues, { types, dryRun, limit });
      if (!dryRun) {
        const { tenant } = callerOfRequest(request);
        const target = types?.join(", ") ?? "retryable";
        const record = { tenant, ...actorOf(request), action: "redrive", target, detail: { ...done } } as const;
        await recordAudit(db, record).catch((error) => request.log.error({ err: error, ...record }, "no audit entry"));
      }
      return done;
    },
  );
}
