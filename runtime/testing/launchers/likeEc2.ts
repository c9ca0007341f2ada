import type { DescribeInstancesResult, EC2Client, Instance, RunInstancesCommandInput } from "@aws-sdk/client-ec2";

/**
 * Adds to moto's EC2 what it lacks and the launcher relies on: a launch starts as many instances as it may (moto:
 * MinCount), each with an index of its own, and a repeated client token answers what the first call started, or an error
 * where the parameters differ.
 */
export function likeEc2(ec2: EC2Client): EC2Client {
  const indexes = new Map<string, number>();
  const launches = new Map<string, { input: string; answer: Promise<{ output: object; response: unknown }> }>();
  const number = (instances: Instance[] = []) => {
    for (const one of instances) one.AmiLaunchIndex = indexes.get(one.InstanceId ?? "") ?? 0;
  };
  ec2.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName === "DescribeInstancesCommand") {
        const answer = await next(args);
        for (const { Instances } of (answer.output as DescribeInstancesResult).Reservations ?? []) number(Instances);
        return answer;
      }
      if (context.commandName !== "RunInstancesCommand") return next(args);
      const { ClientToken = "", ...rest } = args.input as RunInstancesCommandInput;
      const input = JSON.stringify(rest);
      const first = launches.get(ClientToken);
      if (first) {
        if (first.input !== input)
          throw Object.assign(new Error("other parameters"), { name: "IdempotentParameterMismatch" });
        return first.answer as ReturnType<typeof next>;
      }
      const answer = next({ ...args, input: { ...args.input, MinCount: rest.MaxCount } });
      launches.set(ClientToken, { input, answer: answer as Promise<{ output: object; response: unknown }> });
      answer.catch(() => launches.delete(ClientToken));
      const { Instances } = (await answer).output as { Instances?: Instance[] };
      Instances?.forEach(({ InstanceId = "" }, index) => {
        indexes.set(InstanceId, index);
      });
      number(Instances);
      return answer;
    },
    { name: "likeEc2", step: "initialize", priority: "low" },
  );
  return ec2;
}
