import Type from "typebox";
import { listDeadLetters } from "../../requests/deadLetters.ts";
import { DeadLetters } from "../deadLetterAnswers.ts";
import { operation } from "../operation.ts";
import type { JobRoutePlugin } from "./plugin.ts";

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
/** GET /dead-letters: messages that nobody could take in, with their reasons. They are of all tenants, so it takes an admin. */
export const deadLettersRoute: JobRoutePlugin = async (app, { cloud, settings, guard }) => {
  app.get(
    "/dead-letters",
    operation(guard, {
      id: "listDeadLetters",
      tag: "operations",
      scope: "admin",
      summary: "Look at dead letters: by cause, and each with body, reason, times and receives",
      querystring: Query,
      answers: { 200: { description: "those that were seen, which stay where they are", schema: DeadLetters } },
      errors: ["StorageUnavailable"],
    }),
    async ({ query: { type, text = "", limit } }) => {
      const wanted = text.toLowerCase();
      const { letters, causes, total } = await listDeadLetters(cloud.sqs, cloud.queues, settings, limit);
      return {
        total,
        causes,
        letters: letters.filter(
          (one) =>
            (type === undefined || one.type === type) &&
            [one.body, one.reason ?? "", one.sender ?? ""].some((part) => part.toLowerCase().includes(wanted)),
        ),
      };
    },
  );
};
