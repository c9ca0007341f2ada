import Type from "typebox";

/** Response schemas of GET /dead-letters and POST /redrive. */

const Count = Type.Integer({ minimum: 0 });
const time = (description: string) => Type.Optional(Type.String({ format: "date-time", description }));

const Causes = Type.Array(
  Type.Object({
    type: Type.String({ description: "error type" }),
    count: Type.Integer({ minimum: 1 }),
    redrivable: Type.Boolean({
      description: "whether this redrive requeues them; in a list, whether a redrive without types does",
    }),
    failsAgain: Type.Integer({ minimum: 0, description: "messages that are expected to fail again unchanged" }),
    reasons: Type.Array(Type.Object({ reason: Type.String(), count: Type.Integer({ minimum: 1 }) }), {
      description: "the most frequent reasons: why they would fail again, or the dispatcher's error",
    }),
    furtherReasons: Count,
    firstSeenAt: time("`sentAt` of the oldest"),
    lastSeenAt: time("`sentAt` of the newest"),
    receives: Type.Integer({ minimum: 0, description: "highest receive count" }),
  }),
  { description: "dead letters by error type, the most frequent first" },
);

const Total = Type.Integer({ minimum: 0, description: "approximate number of dead letters" });

export const DeadLetters = Type.Object({
  total: Total,
  causes: Causes,
  letters: Type.Array(
    Type.Object({
      messageId: Type.String(),
      type: Type.String({ description: "error type" }),
      reason: Type.Optional(Type.String({ description: "absent if SQS itself moved the message" })),
      redrivable: Type.Boolean({ description: "whether a redrive without types requeues it" }),
      failsAgain: Type.Optional(
        Type.Object(
          {
            outcome: Type.Enum(["deadLetter", "rejected"], {
              description: "becomes a dead letter again, or gets the response FAILED without a job",
            }),
            type: Type.String({ description: "error type" }),
            reason: Type.String(),
          },
          { description: "why a redrive without changes would fail; absent if no failure is predicted" },
        ),
      ),
      body: Type.String({ description: "beginning of the body, with secrets removed from URLs" }),
      bodyLength: Count,
      sender: Type.Optional(Type.String()),
      sentAt: time("time of arrival in the dead-letter queue; if SQS moved the message, time of sending"),
      firstReceivedAt: time("time of the first receive"),
      receives: Type.Integer({ minimum: 0, description: "receive count, including reads of this list" }),
    }),
  ),
});

const Counts = Type.Record(Type.String(), Type.Integer());

export const Redriven = Type.Object(
  {
    redriven: Counts,
    kept: Counts,
    causes: Causes,
    looked: Type.Integer({ minimum: 0, description: "number of dead letters read" }),
    total: Total,
  },
  { description: "numbers of dead letters by error type: requeued (in a dry run, to requeue) and kept" },
);
