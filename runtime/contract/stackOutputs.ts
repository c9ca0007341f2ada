import Type, { type Static } from "typebox";

/** Outputs of a deployed stack (stacks/platform.ts). */
export const StackOutputs = Type.Object({
  stack: Type.String(),
  account: Type.String(),
  region: Type.String(),
  api: Type.String(),
  requestQueueUrl: Type.String(),
  responseQueueUrl: Type.String(),
  deadLetterQueueUrl: Type.String(),
  resultsBucket: Type.String(),
  uploadsBucket: Type.String(),
  dashboard: Type.String(),
  glueJob: Type.String(),
  launchTemplate: Type.String(),
  dispatcherFunction: Type.String(),
  /** DNS name of the load balancer, to which the API's domain must resolve if the stack has no hosted zone. */
  loadBalancer: Type.Optional(Type.String()),
  /** Settings of the ECS task of `rates connect` (runtime/cli/lib/accessSession.ts). */
  access: Type.Optional(Type.Unknown()),
  /** Settings of the ECS task of `npm run smoke -- --inside` (runtime/smoke/inside.ts). */
  smoke: Type.Optional(Type.Unknown()),
  /** max_connections of the database's parameter group. */
  maxConnections: Type.Optional(Type.Integer()),
});
export type StackOutputs = Static<typeof StackOutputs>;

/** Outputs that a smoke run needs. Its task in the stack's network receives them in SMOKE_OUTPUTS. */
export const SmokeOutputs = Type.Pick(StackOutputs, [
  "stack",
  "region",
  "api",
  "requestQueueUrl",
  "responseQueueUrl",
  "deadLetterQueueUrl",
  "resultsBucket",
  "glueJob",
  "launchTemplate",
  "maxConnections",
]);
export type SmokeOutputs = Static<typeof SmokeOutputs>;
