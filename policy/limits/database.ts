import Type from "typebox";
import {
  CONNECTION_FORMULA_FACTOR,
  CONNECTIONS_PER,
  OPERATOR_CONNECTIONS,
  RESERVED_CONNECTIONS,
  shareOf,
} from "../../infra/limits/capacity.ts";
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
/** Connections that no component of a stack may use. */
const KEPT_FREE = RESERVED_CONNECTIONS + OPERATOR_CONNECTIONS;

const connectionsPer = (count: number, label: string) =>
  Type.Number({ minimum: 0, default: count, description: `connections of ${label}` });
const SETTINGS = {
  perInvocation: connectionsPer(CONNECTIONS_PER.dispatcher, "one execution of a function"),
  perRun: connectionsPer(CONNECTIONS_PER.glueRun, "one Glue run"),
  perInstance: connectionsPer(CONNECTIONS_PER.ec2Instance, "one EC2 instance"),
  perTask: connectionsPer(10, "one ECS task"),
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
  description:
    "A Postgres database has connections for all its clients at once: functions, Glue runs, instances and tasks together.",
  framework: RDS,
  remediation: "Use a larger instance class, or lower reserved executions, Glue runs, instances, tasks or their pools.",
  settings: SETTINGS,
  check(stack, report, settings) {
    for (const database of stack.of(DATABASE)) {
      const usable = usableConnections(database);
      if (usable === undefined) continue;
      const { clients, unbounded } = clientsOf(stack, database, settings);
      for (const { client, reason } of unbounded) report(client, reason);
      const total = clients.reduce((sum, { connections }) => sum + connections, 0);
      if (total > usable.limit)
        report(
          database,
          `${total} connections may be open at once (${clients.map(({ client, connections }) => `${client.name} ${connections}`).join(", ")}), ${total - usable.limit} more than the ${usable.limit} usable connections of ${usable.source}: ${usable.remedy}, or lower one of these numbers.`,
        );
    }
  },
});

/** Connections that the components of a stack may use, and texts for the message about an excess. */
interface UsableConnections {
  limit: number;
  /** All connections, of which some are not usable, with their origin. */
  source: string;
  /** Change that allows more connections. */
  remedy: string;
}

/** Returns the usable connections, from the parameter group's max_connections or else from RDS's formula. */
function usableConnections(database: Resource): UsableConnections | undefined {
  for (const group of database.links("parameterGroupName", PARAMETER_GROUP)) {
    const parameters = group.at("parameters").items();
    if (parameters === UNRESOLVED) return undefined;
    const configured = parameters
      .find((parameter) => parameter.at("name").text("") === "max_connections")
      ?.at("value")
      .number(undefined);
    if (configured === UNRESOLVED) return undefined;
    if (configured !== undefined)
      return {
        limit: configured - KEPT_FREE,
        source: `the ${configured} that ${group.name} sets as max_connections`,
        remedy: "raise max_connections, with a larger instanceClass if necessary",
      };
  }
  const name = database.at("instanceClass").text(undefined);
  const engine = database.at("engine").text("postgres");
  // The formula applies to Postgres only.
  if (name === UNRESOLVED || name === undefined || engine !== "postgres") return undefined;
  const instanceClass = Object.hasOwn(RDS_CLASSES, name) ? RDS_CLASSES[name as keyof typeof RDS_CLASSES] : undefined;
  // An unknown class counts as the smallest known class.
  const memory =
    instanceClass?.memoryBytes ?? Math.min(...Object.values(RDS_CLASSES).map(({ memoryBytes }) => memoryBytes));
  const formula = Math.min(Math.floor(memory / LIMITS.rdsBytesPerConnection.value), LIMITS.rdsConnections.value);
  return {
    limit: Math.floor(formula * CONNECTION_FORMULA_FACTOR) - KEPT_FREE,
    ...(instanceClass
      ? { source: `about ${formula} on ${name}`, remedy: "use a larger instanceClass" }
      : {
          source: `about ${formula} on the smallest class, because ${name} is an unknown class`,
          remedy: "set max_connections in a parameter group",
        }),
  };
}

/** A component that connects to the database, with its maximum connections. */
interface Client {
  client: Resource;
  connections: number;
}

function clientsOf(
  stack: Stack,
  database: Resource,
  settings: Settings,
): { clients: Client[]; unbounded: { client: Resource; reason: string }[] } {
  const usesDatabase = (resource: Resource) => resource.anyLinks(DATABASE).includes(database);
  const clients: Client[] = [];
  const unbounded: { client: Resource; reason: string }[] = [];
  const add = (client: Resource, count: number | undefined, connectionsEach: number, reasonIfUnbounded: string) => {
    if (count === undefined) unbounded.push({ client, reason: reasonIfUnbounded });
    else clients.push({ client, connections: count * connectionsEach });
  };
  for (const fn of stack.of(FUNCTION).filter(usesDatabase)) {
    const reserved = fn.at("reservedConcurrentExecutions").number(-1);
    if (reserved === UNRESOLVED) continue;
    // A function without event sources and permissions is invoked only by the program itself, once.
    const isInvoked =
      stack.of(EVENT_SOURCE).some((mapping) => functionOf(mapping) === fn) ||
      stack.linkedTo(fn, PERMISSION, "function").length > 0;
    const executions = reserved >= 0 ? reserved : isInvoked ? sharedConcurrency() : 1;
    add(
      fn,
      executions,
      settings.perInvocation,
      "reservedConcurrentExecutions is not set, so its database connections are unlimited: set it.",
    );
  }
  for (const job of stack.of(GLUE_JOB).filter(usesDatabase)) {
    const runs = job.at("executionProperty.maxConcurrentRuns").number(1);
    if (runs !== UNRESOLVED) add(job, runs, settings.perRun, "");
  }
  for (const instance of stack.of(INSTANCE).filter(usesDatabase)) add(instance, 1, settings.perInstance, "");
  for (const template of stack.of(LAUNCH_TEMPLATE).filter(usesDatabase))
    add(template, instancesOf(stack, template, settings.instances), settings.perInstance, UNBOUNDED);
  for (const service of stack
    .of(ECS_SERVICE)
    .filter((candidate) => candidate.links("taskDefinition", TASK_DEFINITION).some(usesDatabase)))
    add(
      service,
      tasksOf(stack, service),
      ownStack()?.plan.api.connectionsPerTask ?? settings.perTask,
      "its maximum number of tasks is unknown: set maxCapacity or desiredCount to a number.",
    );
  return { clients, unbounded };
}

/** Returns the executions that our own stack's functions share, if its account allows too few to reserve any. */
function sharedConcurrency(): number | undefined {
  const own = ownStack();
  return own && own.plan.dispatcher.reservedConcurrency === undefined
    ? shareOf(own.config.quotas.lambdaConcurrency, own.config.quotas.share)
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
