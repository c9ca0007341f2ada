import type { EC2Client, RunInstancesCommandInput } from "@aws-sdk/client-ec2";

/**
 * Gives moto's EC2 the behaviour on which the launcher relies: a launch starts MaxCount instances (moto: MinCount), and
 * a repeated client token returns the first call's instances, or an error if the parameters differ.
 */
export function withEc2Idempotency(ec2: EC2Client): EC2Client {
  const launches = new Map<string, { input: string; response: Promise<unknown> }>();
  ec2.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName !== "RunInstancesCommand") return next(args);
      const { ClientToken = "", ...rest } = args.input as RunInstancesCommandInput;
      const input = JSON.stringify(rest);
      const first = launches.get(ClientToken);
      if (first) {
        if (first.input !== input)
          throw Object.assign(new Error("other parameters"), { name: "IdempotentParameterMismatch" });
        return first.response as ReturnType<typeof next>;
      }
      const response = next({ ...args, input: { ...args.input, MinCount: rest.MaxCount } });
      launches.set(ClientToken, { input, response });
      response.catch(() => launches.delete(ClientToken));
      return response;
    },
    { name: "withEc2Idempotency", step: "initialize", priority: "low" },
  );
  return ec2;
}
