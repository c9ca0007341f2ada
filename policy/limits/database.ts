import Type from "typebox";
import { CONNECTIONS_PER } from "../../infra/limits/capacity.ts";
import { LIMITS, RDS_CLASSES } from "../../infra/limits/limits.ts";
import { ownStack } from "../account.ts";
import type { Resource, Stack } from "../resource.ts";
import { documented, resourceRule, stackRule } from "../rule.ts";
import {
  DATABASE,
  ECS_SERVICE,
  EVENT_SOURCE,
  FUNCTION,
  GLUE_JOB,
  INSTANCE,
  LAUNCH_TEMPLATE,
  PARAMETER_GROUP,
  PERMISSION,
  TASK_DEFINITION,
} from "../types.ts";
import { UNRESOLVED } from "../value.ts";
import { INSTANCES, instancesOf, tasksOf, UNBOUNDED } from "./compute.ts";
import { functionOf } from "./queues.ts";

const RDS = documented("AWS Prescriptive Guidance, Tuning PostgreSQL parameters, max_connections");
/** Connections reserved for superusers (3), for RDS itself (2), and for people and their tools (5). */
const RESERVED_CONNECTIONS = 10;
/** Factor of the formula: instances have 5 to 12 % less than it gives (see stacks/planning/capacity.ts). */
const FORMULA_FACTOR = 0.85;

const connectionsPer = (count: number, label: string) =>
  Type.Number({ minimum: 0, default: count, description: `connections of ${label}` });
const SETTINGS = {
  perInvocation: connectionsPer(CONNECTIONS_PER.dispatcher, "one execution of a function"),
  perRun: connectionsPer(CONNECTIONS_PER.glueRun, "one Glue run"),
  perInstance: connectionsPer(CONNECTIONS_PER.ec2Instance, "one EC2 instance"),
  perTask: connectionsPer(10, "one ECS task: its pool"),
  ...INSTANCES,
};
type Settings = {
  perInvocation: number;
  perRun: number;
  perInstance: number;
  perTask: number;
  instances: Record<string, number>;
};

/**
 * Compares the sum of all components' maximum connections with the instance's maximum, which is the first limit that a
 * burst of work reaches.
 */
export const databaseConnections = stackRule({
  name: "rds-connections",
  description: "All clients of a Postgres may connect at once: functions, Glue runs, instances and tasks together.",
  framework: RDS,
  remediation: "Use a larger instance class, or lower reserved executions, Glue runs, instances, tasks or their pools.",
  settings: SETTINGS,
  check(stack, report, settings) {
    for (const database of stack.of(DATABASE)) {
      const usable = usableConnections(database);
      if (usable === undefined) continue;
      const users = usersOf(stack, database, settings);
      for (const { user, reason: why } of users.unbounded) report(user, why);
      const total = users.users.reduce((sum, { connections }) => sum + connections, 0);
      if (total > usable.limit)
        report(
          database,
          `${total} connections may be open at once (${users.users.map(({ user, connections }) => `${user.name} ${connections}`).join(", ")}), ${total - usable.limit} more than ${usable.limit}, the usable connections of ${usable.from}: use a larger instanceClass, or lower one of these numbers.`,
        );
    }
  },
});

/** Returns the usable connections: of the parameter group's max_connections, otherwise of RDS's formula. */
function usableConnections(database: Resource): { limit: number; from: string } | undefined {
  for (const group of database.links("parameterGroupName", PARAMETER_GROUP)) {
    const parameters = group.at("parameters").items();
    if (parameters === UNRESOLVED) return undefined;
    const configured = parameters
      .find((parameter) => parameter.at("name").text("") === "max_connections")
      ?.at("value")
      .number(undefined);
    if (configured === UNRESOLVED) return undefined;
    if (configured !== undefined)
      return { limit: configured - RESERVED_CONNECTIONS, from: `max_connections ${configured} of ${group.name}` };
  }
  const name = database.at("instanceClass").text(undefined);
  const engine = database.at("engine").text("postgres");
  // The formula applies to Postgres only.
  if (name === UNRESOLVED || name === undefined || engine !== "postgres") return undefined;
  const instanceClass = Object.hasOwn(RDS_CLASSES, name) ? RDS_CLASSES[name as keyof typeof RDS_CLASSES] : undefined;
  // Unknown classes count as the smallest one.
  const memory =
    instanceClass?.memoryBytes ?? Math.min(...Object.values(RDS_CLASSES).map(({ memoryBytes }) => memoryBytes));
  const formula = Math.min(Math.floor(memory / LIMITS.rdsBytesPerConnection.value), LIMITS.rdsConnections.value);
  return {
    limit: Math.floor(formula * FORMULA_FACTOR) - RESERVED_CONNECTIONS,
    from: instanceClass
      ? `about ${formula} of ${name}`
      : `${formula}, the value of the smallest class, since ${name} is unknown: set max_connections in its parameter group`,
  };
}

interface User {
  user: Resource;
  connections: number;
}

function usersOf(
  stack: Stack,
  database: Resource,
  settings: Settings,
): { users: User[]; unbounded: { user: Resource; reason: string }[] } {
  const usesDatabase = (resource: Resource) => resource.anyLinks(DATABASE).includes(database);
  const counted: User[] = [];
  const unbounded: { user: Resource; reason: string }[] = [];
  const count = (user: Resource, number: number | undefined, connectionsEach: number, why: string) => {
    if (number === undefined) unbounded.push({ user, reason: why });
    else counted.push({ user, connections: number * connectionsEach });
  };
  for (const fn of stack.of(FUNCTION).filter(usesDatabase)) {
    const reserved = fn.at("reservedConcurrentExecutions").number(-1);
    if (reserved === UNRESOLVED) continue;
    // A function without event sources and permissions is invoked only by the program itself, once.
    const isInvoked =
      stack.of(EVENT_SOURCE).some((mapping) => functionOf(mapping) === fn) ||
      stack.linkedTo(fn, PERMISSION, "function").length > 0;
    const executions = reserved >= 0 ? reserved : isInvoked ? sharedConcurrency() : 1;
    count(
      fn,
      executions,
      settings.perInvocation,
      "reservedConcurrentExecutions is not set, so its database connections are unlimited: set it.",
    );
  }
  for (const job of stack.of(GLUE_JOB).filter(usesDatabase)) {
    const runs = job.at("executionProperty.maxConcurrentRuns").number(1);
    if (runs !== UNRESOLVED) count(job, runs, settings.perRun, "");
  }
  for (const instance of stack.of(INSTANCE).filter(usesDatabase)) count(instance, 1, settings.perInstance, "");
  for (const template of stack.of(LAUNCH_TEMPLATE).filter(usesDatabase))
    count(template, instancesOf(stack, template, settings.instances), settings.perInstance, UNBOUNDED);
  for (const service of stack
    .of(ECS_SERVICE)
    .filter((candidate) => candidate.links("taskDefinition", TASK_DEFINITION).some(usesDatabase)))
    count(
      service,
      tasksOf(stack, service),
      ownStack()?.plan.api.poolMax ?? settings.perTask,
      "its maximum number of tasks is unknown: set maxCapacity or desiredCount to a number.",
    );
  return { users: counted, unbounded };
}

/** Returns the concurrency of our own stack's functions when its account has too little to reserve any. */
function sharedConcurrency(): number | undefined {
  const own = ownStack();
  return own && own.plan.dispatcher.reservedConcurrency === undefined
    ? Math.floor(own.config.quotas.lambdaConcurrency * own.config.quotas.share)
    : undefined;
}

/** RDS refuses an instance beyond these bounds. */
export const databaseLimits = resourceRule({
  name: "rds-limits",
  description: "A database's backups are kept for at most 35 days, and its storage is between 20 and 65,536 GiB.",
  framework: documented("Amazon RDS User Guide, Quotas and constraints"),
  remediation: "Change the value to one within the named range.",
  types: [DATABASE],
  check(database, report) {
    const days = database.at("backupRetentionPeriod").number(0);
    const maxDays = LIMITS.rdsBackupDays.value;
    if (days !== UNRESOLVED && days > maxDays)
      report(
        database,
        `backupRetentionPeriod is ${days} days, ${days - maxDays} more than RDS's maximum of ${maxDays}: lower it.`,
      );
    const [minStorage, maxStorage] = [LIMITS.rdsStorageMin.value, LIMITS.rdsStorageMax.value];
    const storage = database.at("allocatedStorage").number(minStorage);
    if (storage !== UNRESOLVED && (storage < minStorage || storage > maxStorage))
      report(database, `allocatedStorage is ${storage} GiB: RDS accepts ${minStorage} to ${maxStorage}.`);
  },
});

export const DATABASE_RULES = [databaseConnections, databaseLimits];
