import Type from "typebox";
import { EC2_TYPES, INSTANCES_TAG } from "../../stacks/limits.ts";
import { allowed, ownStack, quotas } from "../account.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, stackRule } from "../rule.ts";
import { INSTANCE, LAUNCH_TEMPLATE, SCALING_GROUP, SCALING_TARGET, SERVICE, TASK } from "../types.ts";
import { TROUBLE } from "../value.ts";

/** For launch templates that a program's own code launches from. */
export const INSTANCES = {
  instances: Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
    default: {},
    description:
      "the most instances at once of each launch template that no Auto Scaling group uses, by the template's name",
  }),
};

/** How to bound what a launch template starts. */
export const UNBOUNDED = `nothing says how many instances are launched from it: put it into an Auto Scaling group, give it the tag ${INSTANCES_TAG}, or enter it under \`instances\` in the pack's configuration.`;

/** How many instances may be launched from a template at once; undefined where nothing says. */
export function instancesOf(stack: Stack, template: Resource, instances: Record<string, number>): number | undefined {
  const groups = stack.of(SCALING_GROUP).filter((group) => group.anyLinks(LAUNCH_TEMPLATE).includes(template));
  if (groups.length === 0) {
    const tagged = template.at(`tags.${INSTANCES_TAG}`).number(undefined);
    return ownStack()?.plan.ec2.maxInstances ?? instances[template.name] ?? (tagged === TROUBLE ? undefined : tagged);
  }
  return groups.reduce((sum, group) => {
    const most = group.at("maxSize").number(0);
    return sum + (most === TROUBLE ? 0 : most);
  }, 0);
}

/** How many tasks a service may have at once, old and new ones while it deploys; undefined where that cannot be read. */
export function tasksOf(stack: Stack, service: Resource): number | undefined {
  const targets = stack.linkedTo(service, SCALING_TARGET, "resourceId");
  const wanted =
    targets.length > 0 ? targets.map((one) => one.at("maxCapacity").number(0)) : [service.at("desiredCount").number(1)];
  const percent = service.at("deploymentMaximumPercent").number(200);
  const numbers = wanted.filter((one) => typeof one === "number");
  if (percent === TROUBLE || numbers.length < wanted.length) return undefined;
  return (Math.max(...numbers) * percent) / 100;
}

function vcpusOf(type: string): number | undefined {
  return Object.hasOwn(EC2_TYPES, type) ? EC2_TYPES[type as keyof typeof EC2_TYPES].vcpus : undefined;
}

/** EC2 refuses the instance that is one too many. */
export const ec2Vcpus = stackRule({
  name: "ec2-vcpus",
  description: "All instances that a program starts, or lets be started, have no more vCPUs than the account.",
  framework: documented("Amazon EC2 User Guide, EC2 On-Demand Instance quotas"),
  remediation:
    "Launch fewer or smaller instances, or have L-1216C47A (Spot: L-34B43A08) raised and say so in the stack's quotas.",
  settings: { ...quotas("ec2Vcpus", "share"), ...INSTANCES },
  check(stack, report, settings) {
    const { limit, from } = allowed("ec2Vcpus", settings);
    const counted = [...stack.of(INSTANCE), ...stack.of(LAUNCH_TEMPLATE)].flatMap((one) => {
      const most = one.type === INSTANCE ? 1 : instancesOf(stack, one, settings.instances);
      const type = one.at("instanceType").text(undefined);
      if (most === undefined) report(one, UNBOUNDED);
      if (most === undefined || type === TROUBLE || type === undefined) return [];
      const each = vcpusOf(type);
      if (each === undefined) {
        report(
          one,
          `instanceType ${type} is not in EC2_TYPES of stacks/limits.ts, so that its vCPUs cannot be counted: enter it.`,
        );
        return [];
      }
      return [{ one, most, each }];
    });
    const together = counted.reduce((sum, { most, each }) => sum + most * each, 0);
    const largest = counted.toSorted((a, b) => b.most * b.each - a.most * a.each)[0];
    if (largest !== undefined && together > limit)
      report(
        largest.one,
        `the program's instances may have ${together} vCPUs at once, ${together - limit} more than ${from}: ${largest.most} from here have ${largest.each} each; launch fewer, or take a smaller instanceType.`,
      );
  },
});

/** ECS cannot place the task that is one too many, and a deployment hangs. */
export const fargateVcpus = stackRule({
  name: "fargate-vcpus",
  description:
    "All Fargate tasks have no more vCPUs than the account, also while old and new ones run beside each other.",
  framework: documented("Amazon ECS Developer Guide, AWS Fargate service quotas"),
  remediation:
    "Lower maxCapacity, cpu or deploymentMaximumPercent, or have L-3032A538 raised and say so in the stack's quotas.",
  settings: quotas("fargateVcpus", "share"),
  check(stack, report, settings) {
    const { limit, from } = allowed("fargateVcpus", settings);
    const counted = stack.of(SERVICE).flatMap((service) => {
      const tasks = tasksOf(stack, service);
      const units = service.links("taskDefinition", TASK)[0]?.at("cpu").number(undefined);
      if (tasks === undefined || units === TROUBLE) return [];
      // Without a number ECS refuses the task itself; with none linked nobody can tell.
      if (units === undefined) {
        report(
          service,
          "nobody knows the cpu of its tasks: have taskDefinition made from the definition's own arn, and name its cpu.",
        );
        return [];
      }
      return [{ service, vcpus: (tasks * units) / 1024 }];
    });
    const together = counted.reduce((sum, { vcpus }) => sum + vcpus, 0);
    const largest = counted.toSorted((a, b) => b.vcpus - a.vcpus)[0];
    if (largest !== undefined && together > limit)
      report(
        largest.service,
        `the program's tasks may have ${together} vCPUs at once, ${together - limit} more than ${from}: lower maxCapacity, cpu or deploymentMaximumPercent.`,
      );
  },
});

export const COMPUTE_RULES = [ec2Vcpus, fargateVcpus];
