import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Instance } from "@pulumi/aws/rds/instance.js";
import { ParameterGroup } from "@pulumi/aws/rds/parameterGroup.js";
import { SubnetGroup } from "@pulumi/aws/rds/subnetGroup.js";
import * as pulumi from "@pulumi/pulumi";
import type { RunnerType } from "../runtime/contract/states.ts";
import type { Role } from "../runtime/platform/postgres.ts";
import { LIMITS } from "./limits/limits.ts";
import { roleFor, type Statement } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import { allow, allowHttps, type Placement, securityGroup } from "./shared/securityGroups.ts";

/**
 * Arguments of the database of a stack.
 *
 * @example
 * ```ts
 * import { Database } from "./database.ts";
 * import type { Network } from "./network.ts";
 *
 * export const createDatabase = (network: Network) =>
 *   new Database("rates-dev-database", {
 *     placement: network.placement,
 *     instanceClass: "db.t4g.medium",
 *     storageGb: 50,
 *     multiAz: false,
 *     deletionProtection: true,
 *     backupDays: 7,
 *     maxConnections: 450,
 *     keepData: true,
 *     retentionDays: 30,
 *   });
 * ```
 */
export interface DatabaseArgs {
  /** Private subnets of the instance. */
  readonly placement: Placement;
  /** Instance class, for example db.t4g.medium. */
  readonly instanceClass: string;
  /** GiB of gp3. */
  readonly storageGb: number;
  /** Keeps a standby in a second zone. */
  readonly multiAz: boolean;
  /** Protects the instance against deletion. */
  readonly deletionProtection: boolean;
  /** Retention of automatic backups in days, also the window of point-in-time restores. */
  readonly backupDays: number;
  /** max_connections of the capacity plan, which the parameter group sets. */
  readonly maxConnections: number;
  /** Takes a final snapshot and keeps the automatic backups when the stack is destroyed. */
  readonly keepData: boolean;
  /** Retention of logs in days. */
  readonly retentionDays: number;
}

/** Connection settings of a component. */
export interface DatabaseEndpoint {
  /** Host name of the instance. */
  readonly host: pulumi.Output<string>;
  /** TCP port. */
  readonly port: number;
  /** Name of the database. */
  readonly name: string;
  /** Resource id of the instance in IAM policies. */
  readonly resourceId: pulumi.Output<string>;
  /** Security group of the instance; clients need a rule in it. */
  readonly securityGroupId: pulumi.Output<string>;
}

const PORT = 5432;
const NAME = "rates";
/**
 * Major version of Postgres, also that of the tests and compose.yaml. RDS has supported it since 2025-11 (AWS, "Amazon RDS for
 * PostgreSQL now supports major version 18").
 */
const MAJOR = "18";
/**
 * Maximum of storage autoscaling as a multiple of the configured storage. Autoscaling reacts late, so capacity planning
 * does not rely on it.
 */
const MAX_GROWTH = 4;
/**
 * RDS refuses a maximum of autoscaling below this multiple of the storage (Amazon RDS User Guide, storage autoscaling).
 */
const MIN_GROWTH = 1.1;
/** Largest size in kilobytes that a Postgres parameter accepts: 31 bits. */
const MAX_KILOBYTES = 2 ** 31 - 1;
/** Interval of enhanced monitoring in seconds. */
const MONITORING_SECONDS = 60;
/**
 * Free retention of Performance Insights in days. CloudWatch Database Insights shows the data, since the console of
 * Performance Insights was retired (2026-07).
 */
const INSIGHTS_DAYS = 7;

/**
 * Postgres on RDS: encrypted, in private subnets, TLS only, with roles that log in by IAM tokens. RDS generates and
 * rotates the master password; only the migrations use it, and it is not in the state. A change of the class waits for
 * the maintenance window, because applying it at once would restart the database under running jobs. A change of the
 * static parameter max_connections takes effect at the next restart, for example by an operator.
 */
export class Database extends pulumi.ComponentResource {
  /** RDS instance. */
  readonly instance: Instance;
  /** Connection settings for other components. */
  readonly endpoint: DatabaseEndpoint;
  /** Secret with the master's user and password. */
  readonly masterSecretArn: pulumi.Output<string>;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Database", name, {}, opts);
    const { placement, storageGb, keepData, retentionDays } = args;
    const child = { parent: this };
    const group = securityGroup(name, { vpcId: placement.vpcId, description: "Postgres" }, child);
    const subnets = new SubnetGroup(name, { subnetIds: placement.subnetIds }, child);
    const parameters = new ParameterGroup(
      name,
      {
        family: `postgres${MAJOR}`,
        parameters: [
          { name: "rds.force_ssl", value: "1" },
          { name: "max_connections", value: String(args.maxConnections), applyMethod: "pending-reboot" },
          { name: "log_lock_waits", value: "1" },
          { name: "log_min_duration_statement", value: "5000" },
          // In kilobytes, a third of the disk: temporary files of a batch must not fill it.
          {
            name: "temp_file_limit",
            value: String(Math.min(Math.floor(storageGb / 3) * 1024 * 1024, MAX_KILOBYTES)),
          },
        ],
      },
      child,
    );
    const monitoring = roleFor(
      `${name}-monitoring`,
      {
        service: "monitoring.rds.amazonaws.com",
        statements: [],
        managedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"],
      },
      child,
    );
    // RDS names log groups after the instance, and creates missing ones without an expiry.
    const logs = ["postgresql", "upgrade"].map((log) =>
      logGroup(`${name}-${log}`, { retentionDays, fullName: `/aws/rds/instance/${name}/${log}` }, child),
    );

    this.instance = new Instance(
      name,
      {
        identifier: name,
        engine: "postgres",
        engineVersion: MAJOR,
        instanceClass: args.instanceClass,
        allocatedStorage: storageGb,
        ...storageGrowth(storageGb),
        storageType: "gp3",
        storageEncrypted: true,
        dbName: NAME,
        port: PORT,
        username: "postgres",
        manageMasterUserPassword: true,
        iamDatabaseAuthenticationEnabled: true,
        multiAz: args.multiAz,
        publiclyAccessible: false,
        dbSubnetGroupName: subnets.name,
        vpcSecurityGroupIds: [group.id],
        parameterGroupName: parameters.name,
        backupRetentionPeriod: args.backupDays,
        copyTagsToSnapshot: true,
        deleteAutomatedBackups: !keepData,
        deletionProtection: args.deletionProtection,
        skipFinalSnapshot: !keepData,
        // A new name per creation of the stack, so that final snapshots do not collide.
        ...(keepData ? { finalSnapshotIdentifier: pulumi.interpolate`${subnets.name}-last` } : {}),
        autoMinorVersionUpgrade: true,
        allowMajorVersionUpgrade: false,
        applyImmediately: false,
        performanceInsightsEnabled: true,
        performanceInsightsRetentionPeriod: INSIGHTS_DAYS,
        monitoringInterval: MONITORING_SECONDS,
        monitoringRoleArn: monitoring.role.arn,
        enabledCloudwatchLogsExports: ["postgresql", "upgrade"],
      },
      {
        ...child,
        // RDS would refuse the deletion only after much of the stack is deleted; with `protect` the preview refuses it.
        protect: args.deletionProtection,
        dependsOn: [...logs, ...monitoring.policies],
        // RDS upgrades minor versions automatically.
        ignoreChanges: ["engineVersion"],
        customTimeouts: { create: "90m", update: "3h", delete: "90m" },
      },
    );
    this.endpoint = {
      host: this.instance.address,
      port: PORT,
      name: NAME,
      resourceId: this.instance.resourceId,
      securityGroupId: group.id,
    };
    this.masterSecretArn = this.instance.masterUserSecrets.apply((secrets) => secrets[0]?.secretArn ?? "");
    this.registerOutputs({ host: this.endpoint.host });
  }
}

/** Returns the maximum of storage autoscaling, or nothing if the disk is so large that RDS would refuse the maximum. */
function storageGrowth(storageGb: number): { maxAllocatedStorage?: number } {
  const maximum = Math.min(storageGb * MAX_GROWTH, LIMITS.rdsStorageMax.value);
  return maximum >= storageGb * MIN_GROWTH ? { maxAllocatedStorage: maximum } : {};
}

/**
 * Creates the security group of a component that connects to the database and to AWS services, with its rules.
 *
 * @param clientName - Name of the component in the descriptions of group and rules.
 */
export function databaseClientGroup(
  name: string,
  { placement, database, clientName }: { placement: Placement; database: DatabaseEndpoint; clientName: string },
  opts: pulumi.CustomResourceOptions,
): { group: SecurityGroup; rules: pulumi.Resource[] } {
  const group = securityGroup(name, { vpcId: placement.vpcId, description: clientName }, opts);
  const { securityGroupId: to, port } = database;
  const toDatabase = allow(
    `${name}-database`,
    { from: group, to, port, description: `${clientName} to Postgres` },
    opts,
  );
  return { group, rules: [...toDatabase, allowHttps(name, group, opts)] };
}

/** Returns the permission to log in as the given database roles. */
export const loginStatement = (
  { resourceId }: DatabaseEndpoint,
  { region, accountId }: { readonly region: string; readonly accountId: string },
  roles: readonly (Role | `job_reader_${RunnerType}_*`)[],
): Statement => ({
  actions: ["rds-db:connect"],
  resources: roles.map(
    (role) => pulumi.interpolate`arn:aws:rds-db:${region}:${accountId}:dbuser:${resourceId}/${role}`,
  ),
});

/**
 * Returns the environment variables for the database connection of a component.
 *
 * @param ca - Path of the file with the certificate authorities of RDS.
 */
export const databaseEnvironment = (
  { host, port, name }: DatabaseEndpoint,
  ca: string,
): Record<string, pulumi.Input<string>> => ({
  DATABASE_HOST: host,
  DATABASE_PORT: String(port),
  DATABASE_NAME: name,
  DATABASE_AUTH: "iam",
  DATABASE_CA: ca,
});
