import Type from "typebox";
import { listDeadLetters } from "../../requests/deadLetters.ts";
import { DeadLetters } from "../deadLetterResponses.ts";
import { operation } from "../operation.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Query = Type.Object(
  {
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: "only this error type" })),
    text: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: "only messages with this text in body, reason or sender",
      }),
    ),
    limit: Type.Integer({
      minimum: 1,
      maximum: 200,
      default: 100,
      description: "maximum number of dead letters to read",
    }),
  },
  { additionalProperties: false },
);
/**
 * GET /dead-letters: messages that could not be processed, with their reasons. Admins only, since the messages belong to
 * all tenants.
 */
export const deadLettersRoute: JobRoutePlugin = async (app, { cloud, settings, guard }) => {
  app.get(
    "/dead-letters",
    operation(guard, {
      id: "listDeadLetters",
      tag: "operations",
      scope: "admin",
      summary: "List dead letters: by cause, and each with body, reason, times and receive count",
      querystring: Query,
      responses: { 200: { description: "the dead letters read; they stay in the queue", schema: DeadLetters } },
      errors: ["StorageUnavailable"],
    }),
    async ({ query: { type, text = "", limit } }) => {
      const lowerText = text.toLowerCase();
      const { letters, causes, total } = await listDeadLetters(cloud.sqs, cloud.queues, settings, limit);
      return {
        total,
        causes,
        letters: letters.filter(
          (letter) =>
            (type === undefined || letter.type === type) &&
            [letter.body, letter.reason ?? "", letter.sender ?? ""].some((field) =>
              field.toLowerCase().includes(lowerText),
            ),
        ),
      };
    },
  );
};
