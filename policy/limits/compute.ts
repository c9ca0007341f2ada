import Type from "typebox";
import { EC2_TYPES, INSTANCES_TAG } from "../../infra/limits/limits.ts";
import { excess, ownStack, quotaShare, quotas } from "../account.ts";
import { isOnFargate } from "../predicates.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, stackRule } from "../rule.ts";
import { ECS_SERVICE, INSTANCE, LAUNCH_TEMPLATE, SCALING_GROUP, SCALING_TARGET, TASK_DEFINITION } from "../types.ts";
import { UNRESOLVED } from "../value.ts";

/** Setting for launch templates from which a program's own code launches instances. */
export const INSTANCES = {
  instances: Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
    default: {},
    description:
      "the maximum number of instances of each launch template without an Auto Scaling group, by the template's name",
  }),
};

/** Problem and remedy of a launch template without a maximum number of instances. */
export const UNBOUNDED = `nothing limits how many instances are launched from it: use an Auto Scaling group, or give their maximum number in the tag ${INSTANCES_TAG} or under \`instances\` in the pack's configuration.`;

/** Returns the maximum number of concurrent instances of a launch template; undefined if nothing limits it. */
export function instancesOf(stack: Stack, template: Resource, instances: Record<string, number>): number | undefined {
  const groups = stack.of(SCALING_GROUP).filter((group) => group.anyLinks(LAUNCH_TEMPLATE).includes(template));
  const directInstances = stack.linkedTo(template, INSTANCE, "launchTemplate").length;
  if (groups.length === 0) {
    const tagged = template.at(`tags.${INSTANCES_TAG}`).number(undefined);
    const configured =
      ownStack()?.plan.ec2.maxInstances ?? instances[template.name] ?? (tagged === UNRESOLVED ? undefined : tagged);
    // Instances that the program itself declares are counted separately.
    return configured ?? (directInstances > 0 ? 0 : undefined);
  }
  return groups.reduce((sum, group) => {
    const max = group.at("maxSize").number(0);
    return sum + (max === UNRESOLVED ? 0 : max);
  }, 0);
}

/**
 * Returns the maximum number of a service's concurrent tasks, including old and new ones during a deployment; undefined
 * if it cannot be read.
 */
export function tasksOf(stack: Stack, service: Resource): number | undefined {
  const targets = stack.linkedTo(service, SCALING_TARGET, "resourceId");
  const taskCounts =
    targets.length > 0
      ? targets.map((target) => target.at("maxCapacity").number(0))
      : [service.at("desiredCount").number(1)];
  const percent = service.at("deploymentMaximumPercent").number(200);
  const known = taskCounts.filter((count) => typeof count === "number");
  if (percent === UNRESOLVED || known.length < taskCounts.length) return undefined;
  // ECS rounds down.
  return Math.floor((Math.max(...known) * percent) / 100);
}

/** Instance families in the quota of standard instances; other families have their own quotas. */
const STANDARD_FAMILIES = /^[acdhimrtz]\d/;
/** Maximum vCPUs by size; a 2xlarge has twice those of an xlarge, and so on (Amazon EC2 Instance Types). */
const VCPUS_BY_SIZE: Readonly<Record<string, number>> = { nano: 2, micro: 2, small: 2, medium: 2, large: 2, xlarge: 4 };

/** Returns the maximum vCPUs of an instance type; undefined if unknown. */
function vcpusOf(type: string): number | undefined {
  if (Object.hasOwn(EC2_TYPES, type)) return EC2_TYPES[type as keyof typeof EC2_TYPES].vcpus;
  const [family = "", size = ""] = type.split(".");
  if (!STANDARD_FAMILIES.test(family)) return undefined;
  const multiple = /^(\d+)xlarge$/.exec(size)?.[1];
  return multiple === undefined
    ? Object.hasOwn(VCPUS_BY_SIZE, size)
      ? VCPUS_BY_SIZE[size]
      : undefined
    : Number(multiple) * 4;
}

/** Returns the instance type of a template, or of an instance, which may inherit it from its template. */
const instanceTypeOf = (resource: Resource) => {
  const ownType = resource.at("instanceType").text(undefined);
  return ownType ?? resource.links("launchTemplate", LAUNCH_TEMPLATE)[0]?.at("instanceType").text(undefined);
};

/** EC2 refuses to launch instances beyond the quota. */
export const ec2Vcpus = stackRule({
  name: "ec2-vcpus",
  description: "All instances that a program may start have no more vCPUs than the account's quota.",
  framework: documented("Amazon EC2 User Guide, EC2 On-Demand Instance quotas"),
  remediation:
    "Launch fewer or smaller instances, or have quota L-1216C47A (Spot: L-34B43A08) raised and enter it in the stack's quotas.",
  settings: {
    ...quotas("ec2Vcpus", "share"),
    ...INSTANCES,
    vcpus: Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
      default: {},
      description:
        "vCPUs of instance types that are unknown to the rule, by the type's name; 0 for a type in another quota",
    }),
  },
  check(stack, report, settings) {
    const { limit, source } = quotaShare("ec2Vcpus", settings);
    const usages = [...stack.of(INSTANCE), ...stack.of(LAUNCH_TEMPLATE)].flatMap((resource) => {
      const max = resource.type === INSTANCE ? 1 : instancesOf(stack, resource, settings.instances);
      if (max === undefined) report(resource, UNBOUNDED);
      if (max === undefined || max === 0) return [];
      const type = instanceTypeOf(resource);
      if (type === UNRESOLVED) return [];
      const vcpus = type === undefined ? undefined : (settings.vcpus[type] ?? vcpusOf(type));
      if (vcpus === undefined) {
        report(
          resource,
          type === undefined
            ? "it names no instanceType, so its vCPUs cannot be counted: name one."
            : `the vCPUs of ${type} in this quota are unknown: enter them under \`vcpus\` in the pack's configuration.`,
        );
        return [];
      }
      return [{ resource, max, vcpus }];
    });
    const total = usages.reduce((sum, { max, vcpus }) => sum + max * vcpus, 0);
    const largest = usages.toSorted((a, b) => b.max * b.vcpus - a.max * a.vcpus)[0];
    if (largest !== undefined && total > limit)
      report(
        largest.resource,
        `the program's instances may have ${total} vCPUs at once, ${excess(total, limit)} more than ${source}: this resource has up to ${largest.max} of ${largest.vcpus} vCPUs each; launch fewer, or use a smaller instanceType.`,
      );
  },
});

/** ECS cannot place a task beyond the quota, and the deployment does not finish. */
export const fargateVcpus = stackRule({
  name: "fargate-vcpus",
  description:
    "All Fargate tasks, including old and new ones during a deployment, have no more vCPUs than the account's quota.",
  framework: documented("Amazon ECS Developer Guide, AWS Fargate service quotas"),
  remediation:
    "Lower maxCapacity, cpu or deploymentMaximumPercent, or have quota L-3032A538 raised and enter it in the stack's quotas.",
  settings: quotas("fargateVcpus", "share"),
  check(stack, report, settings) {
    const { limit, source } = quotaShare("fargateVcpus", settings);
    const usages = stack.of(ECS_SERVICE).flatMap((service) => {
      if (!isOnFargate(service)) return [];
      const tasks = tasksOf(stack, service);
      const units = service.links("taskDefinition", TASK_DEFINITION)[0]?.at("cpu").number(undefined);
      if (tasks === undefined || units === UNRESOLVED) return [];
      // Fargate requires cpu in a task definition; without a linked task definition it is unknown.
      if (units === undefined) {
        report(
          service,
          "the cpu of its tasks is unknown: set taskDefinition to the arn of the definition, and set its cpu.",
        );
        return [];
      }
      return [{ service, vcpus: (tasks * units) / 1024 }];
    });
    const total = usages.reduce((sum, { vcpus }) => sum + vcpus, 0);
    const largest = usages.toSorted((a, b) => b.vcpus - a.vcpus)[0];
    if (largest !== undefined && total > limit)
      report(
        largest.service,
        `the program's tasks may have ${total} vCPUs at once, ${excess(total, limit)} more than ${source}: lower maxCapacity, cpu or deploymentMaximumPercent.`,
      );
  },
});

export const COMPUTE_RULES = [ec2Vcpus, fargateVcpus];
