import Type, { type Static } from "typebox";

/** What a smoke run needs of a deployed stack's outputs; its task in the stack's network has them as SMOKE_OUTPUTS. */
export const SmokeOutputs = Type.Object({
  stack: Type.String(),
  region: Type.String(),
  api: Type.String(),
  requestQueueUrl: Type.String(),
  responseQueueUrl: Type.String(),
  deadLetterQueueUrl: Type.String(),
  resultsBucket: Type.String(),
  glueJob: Type.String(),
  launchTemplate: Type.String(),
  /** What the database's parameter group says. */
  maxConnections: Type.Optional(Type.Integer()),
});
export type SmokeOutputs = Static<typeof SmokeOutputs>;
