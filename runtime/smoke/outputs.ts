import Type, { type Static } from "typebox";

/** Outputs of a deployed stack that a smoke run needs; its task in the stack's network has them as SMOKE_OUTPUTS. */
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
  /** max_connections of the database's parameter group. */
  maxConnections: Type.Optional(Type.Integer()),
});
export type SmokeOutputs = Static<typeof SmokeOutputs>;
