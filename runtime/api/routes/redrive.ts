import Type from "typebox";
import { ERRORS } from "../../contract/errors.ts";
import { RECEIVED_TOO_OFTEN, redrive } from "../../requests/deadLetters.ts";
import { recordAudit } from "../../store/audit.ts";
import { Redriven } from "../deadLetterResponses.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest } from "../plugins/auth.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Body = Type.Object(
  {
    types: Type.Optional(
      Type.Array(Type.Enum([RECEIVED_TOO_OFTEN, ...Object.keys(ERRORS)]), {
        minItems: 1,
        maxItems: 100,
        description: "error types to requeue; default: all if messageIds is given, otherwise retryable ones",
      }),
    ),
    messageIds: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
        minItems: 1,
        maxItems: 100,
        description: "only these dead letters, of any error type unless types is given",
      }),
    ),
    dryRun: Type.Boolean({ default: false, description: "only count the messages, and report which would fail again" }),
    limit: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 1_000,
      description: "maximum number of dead letters to read",
    }),
  },
  { additionalProperties: false },
);
/** POST /redrive: moves dead letters of all tenants back to the request queue. Admins only. */
export const redriveRoute: JobRoutePlugin = async (app, { db, cloud, settings, guard }) => {
  app.post(
    "/redrive",
    operation(guard, {
      id: "redrive",
      tag: "operations",
      scope: "admin",
      summary: "Requeue dead letters by error type",
      body: Body,
      responses: { 200: { description: "requeued and kept dead letters", schema: Redriven } },
      errors: ["StorageUnavailable"],
    }),
    async (request) => {
      const { types, messageIds, dryRun, limit } = request.body;
      const result = await redrive(cloud.sqs, cloud.queues, settings, { types, messageIds, dryRun, limit });
      if (!dryRun) {
        const { tenant } = callerOfRequest(request);
        const target = types?.join(", ") ?? messageIds?.join(", ") ?? "retryable";
        const { redriven, kept } = result;
        const record = { tenant, ...actorOf(request), action: "redrive", target, detail: { redriven, kept } } as const;
        await recordAudit(db, record).catch((error) =>
          request.log.error({ err: error, ...record }, "audit entry failed"),
        );
      }
      return result;
    },
  );
};
