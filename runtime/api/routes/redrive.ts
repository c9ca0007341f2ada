import Type from "typebox";
import { ERRORS } from "../../contract/errors.ts";
import { RECEIVED_TOO_OFTEN, redrive } from "../../requests/deadLetters.ts";
import { recordAudit } from "../../store/audit.ts";
import { Redriven } from "../deadLetterAnswers.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest } from "../plugins/auth.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Body = Type.Object(
  {
    types: Type.Optional(
      Type.Array(Type.Enum([RECEIVED_TOO_OFTEN, ...Object.keys(ERRORS)]), {
        minItems: 1,
        maxItems: 100,
        description: "error classes to put back; left out, those whose cause may have passed",
      }),
    ),
    messageIds: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
        minItems: 1,
        maxItems: 100,
        description: "only these dead letters, whatever their class unless types are named",
      }),
    ),
    dryRun: Type.Boolean({ default: false, description: "only count, and say which would fail again" }),
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 1_000, description: "dead letters to look at" }),
  },
  { additionalProperties: false },
);
/** POST /redrive: puts dead letters back into the request queue. They are of all tenants, so it takes an admin. */
export const redriveRoute: JobRoutePlugin = async (app, { db, cloud, settings, guard }) => {
  app.post(
    "/redrive",
    operation(guard, {
      id: "redrive",
      tag: "operations",
      scope: "admin",
      summary: "Put dead letters back by error class",
      body: Body,
      answers: { 200: { description: "what was put back, and what was left", schema: Redriven } },
      errors: ["StorageUnavailable"],
    }),
    async (request) => {
      const { types, messageIds, dryRun, limit } = request.body;
      const done = await redrive(cloud.sqs, cloud.queues, settings, { types, messageIds, dryRun, limit });
      if (!dryRun) {
        const { tenant } = callerOfRequest(request);
        const target = types?.join(", ") ?? messageIds?.join(", ") ?? "retryable";
        const { redriven, kept } = done;
        const record = { tenant, ...actorOf(request), action: "redrive", target, detail: { redriven, kept } } as const;
        await recordAudit(db, record).catch((error) => request.log.error({ err: error, ...record }, "no audit entry"));
      }
      return done;
    },
  );
};
