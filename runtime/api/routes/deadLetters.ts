import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { listDeadLetters } from "../../requests/deadLetters.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import type { Guard } from "../plugins/auth.ts";

const Query = Type.Object(
  {
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: "only those of an error class" })),
    text: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: "only those with this in body, reason or sender" }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 100, description: "dead letters to look at" }),
  },
  { additionalProperties: false },
);
const time = (description: string) => Type.Optional(Type.String({ format: "date-time", description }));
const Letters = Type.Object({
  letters: Type.Array(
    Type.Object({
      messageId: Type.String(),
      type: Type.String({ description: "error class" }),
      reason: Type.Optional(Type.String({ description: "left out where SQS itself moved the message" })),
      redrivable: Type.Boolean({ description: "whether a redrive that names no classes puts it back" }),
      body: Type.String({ description: "the beginning of it, without secrets in URLs" }),
      bodyLength: Type.Integer({ minimum: 0 }),
      sender: Type.Optional(Type.String()),
      sentAt: time("when it came into the queue, or, of one that SQS moved, when it was sent"),
      firstReceivedAt: time("when it was first received"),
      receives: Type.Integer({ minimum: 0, description: "how often it was received, looks included" }),
    }),
  ),
});

/** GET /dead-letters: messages that nobody could take in, with their reasons. They are of all tenants, so it takes an admin. */
export function deadLettersRoute(app: FastifyInstance, { cloud }: JobDeps, guard: Guard): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/dead-letters",
    operation(guard, {
      id: "listDeadLetters",
      tag: "operations",
      scope: "admin",
      summary: "Look at dead letters: body, reason, when they came and how often they were received",
      querystring: Query,
      answers: { 200: { description: "those that were seen, which stay where they are", schema: Letters } },
      errors: ["StorageUnavailable"],
    }),
    async ({ query: { type, text = "", limit } }) => {
      const wanted = text.toLowerCase();
      const letters = await listDeadLetters(cloud.sqs, cloud.queues, limit);
      return {
        letters: letters.filter(
          (one) =>
            (type === undefined || one.type === type) &&
            [one.body, one.reason ?? "", one.sender ?? ""].some((part) => part.toLowerCase().includes(wanted)),
        ),
      };
    },
  );
}
