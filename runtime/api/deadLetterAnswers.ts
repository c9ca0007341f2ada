import Type from "typebox";

/** What GET /dead-letters and POST /redrive answer. */

const Count = Type.Integer({ minimum: 0 });
const time = (description: string) => Type.Optional(Type.String({ format: "date-time", description }));

const Causes = Type.Array(
  Type.Object({
    type: Type.String({ description: "error class" }),
    count: Type.Integer({ minimum: 1 }),
    redrivable: Type.Boolean({
      description: "whether this redrive puts them back; of a list, whether one that names no classes does",
    }),
    failsAgain: Type.Integer({ minimum: 0, description: "letters that would fail again as they are" }),
    reasons: Type.Array(Type.Object({ reason: Type.String(), count: Type.Integer({ minimum: 1 }) }), {
      description: "the most frequent reasons: why they would fail again, or what the dispatcher said",
    }),
    furtherReasons: Count,
    firstSeenAt: time("when the oldest of them was sent"),
    lastSeenAt: time("when the newest of them was sent"),
    receives: Type.Integer({ minimum: 0, description: "the most receives that one of them has" }),
  }),
  { description: "dead letters by error class, the most frequent first" },
);

const Total = Type.Integer({ minimum: 0, description: "about how many dead letters there are" });

export const DeadLetters = Type.Object({
  total: Total,
  causes: Causes,
  letters: Type.Array(
    Type.Object({
      messageId: Type.String(),
      type: Type.String({ description: "error class" }),
      reason: Type.Optional(Type.String({ description: "left out where SQS itself moved the message" })),
      redrivable: Type.Boolean({ description: "whether a redrive that names no classes puts it back" }),
      failsAgain: Type.Optional(
        Type.Object(
          {
            outcome: Type.Enum(["deadLetter", "rejected"], {
              description: "a dead letter again, or answered FAILED without a job",
            }),
            type: Type.String({ description: "error class" }),
            reason: Type.String(),
          },
          { description: "why it would fail again as it is; left out for one that would be accepted" },
        ),
      ),
      body: Type.String({ description: "the beginning of it, without secrets in URLs" }),
      bodyLength: Count,
      sender: Type.Optional(Type.String()),
      sentAt: time("when it came into the queue, or, of one that SQS moved, when it was sent"),
      firstReceivedAt: time("when it was first received"),
      receives: Type.Integer({ minimum: 0, description: "how often it was received, looks included" }),
    }),
  ),
});

const Counts = Type.Record(Type.String(), Type.Integer());

export const Redriven = Type.Object(
  {
    redriven: Counts,
    kept: Counts,
    causes: Causes,
    looked: Type.Integer({ minimum: 0, description: "dead letters that were looked at" }),
    total: Total,
  },
  { description: "dead letters by error class: put back (in a dry run, what would be), and left" },
);
