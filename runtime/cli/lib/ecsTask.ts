import Type, { type Static } from "typebox";

/** State of an ECS task, as `aws ecs` prints it. */
export const EcsTask = Type.Object({
  taskArn: Type.String(),
  lastStatus: Type.String(),
  stoppedReason: Type.Optional(Type.String()),
  containers: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.Optional(Type.String()),
        exitCode: Type.Optional(Type.Integer()),
        reason: Type.Optional(Type.String()),
        runtimeId: Type.Optional(Type.String()),
        managedAgents: Type.Optional(
          Type.Array(
            Type.Object({
              name: Type.Optional(Type.String()),
              lastStatus: Type.Optional(Type.String()),
              reason: Type.Optional(Type.String()),
            }),
          ),
        ),
      }),
    ),
  ),
});
export type EcsTask = Static<typeof EcsTask>;
