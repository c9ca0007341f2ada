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

/** The database of a stack. */
export interface DatabaseArgs {
  readonly placement: Placement;
  /** As db.t4g.medium. */
  readonly instanceClass: string;
  /** GiB of gp3. */
  readonly storageGb: number;
  readonly multiAz: boolean;
  readonly deletionProtection: boolean;
  /** Days that automatic backups are kept, and to which a point in time can be restored. */
  readonly backupDays: number;
  /** What capacity counted on: set in the parameter group, so that the instance has no other idea. */
  readonly maxConnections: number;
  /** Whether destroy leaves a last snapshot behind. */
  readonly keepData: boolean;
  /** Days that logs are kept. */
  readonly retentionDays: number;
}

/** How a part reaches the database. */
export interface DatabaseEndpoint {
  readonly host: pulumi.Output<string>;
  readonly port: number;
  /** The database's name. */
  readonly name: string;
  /** What IAM knows the instance by. */
  readonly resourceId: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
}

const PORT = 5432;
const NAME = "rates";
/**
 * The newest major that RDS has (since 2025-11: AWS, "Amazon RDS for PostgreSQL now supports major version 18"), and the one
 * that the tests and compose.yaml run on.
 */
const MAJOR = "18";
/** Storage grows by itself, up to so many times what was asked for: it reacts late, so it is no plan (trap 17). */
const GROWTH = 4;
/** RDS takes no end of growth that is less than so many times the storage (Amazon RDS User Guide, storage autoscaling). */
const LEAST_GROWTH = 1.1;
/** Kilobytes that Postgres takes as a size: it keeps them in 31 bits. */
const MOST_KILOBYTES = 2 ** 31 - 1;
/** Seconds between figures of enhanced monitoring. */
const MONITORING_SECONDS = 60;
/** Days of Performance Insights that cost nothing; CloudWatch Database Insights shows them since its own console ended (2026-07). */
const INSIGHTS_DAYS = 7;

/**
 * Postgres on RDS: encrypted, in private subnets, over TLS only, with roles that log in by IAM tokens. RDS makes and
 * rotates the master's password; nobody but the migrations uses it, and it is in no state. A change of the class or of a
 * static parameter waits for the maintenance window: applying it at once would restart the database under running jobs.
 */
export class Database extends pulumi.ComponentResource {
  readonly instance: Instance;
  readonly endpoint: DatabaseEndpoint;
  /** Where RDS keeps the master's user and password. */
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
          // A batch's temporary files must not fill the disk that all others write to. Kilobytes.
          {
            name: "temp_file_limit",
            value: String(Math.min(Math.floor(storageGb / 3) * 1024 * 1024, MOST_KILOBYTES)),
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
    // RDS names log groups after the instance, and makes missing ones that keep logs for ever.
    const logs = ["postgresql", "upgrade"].map((log) =>
      logGroup(`${name}-${log}`, { retentionDays, at: `/aws/rds/instance/${name}/${log}` }, child),
    );

    this.instance = new Instance(
      name,
      {
        identifier: name,
        engine: "postgres",
        engineVersion: MAJOR,
        instanceClass: args.instanceClass,
        allocatedStorage: storageGb,
        ...growth(storageGb),
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
        // The group's name is new with each life of the stack: a second one's snapshot meets none of the first's.
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
        // RDS alone would refuse only when much of the stack is gone: this way the preview that a destroy begins with does.
        protect: args.deletionProtection,
        dependsOn: [...logs, ...monitoring.policies],
        // A minor version that RDS has moved on to is no change of ours.
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

/** Up to where storage grows; a disk that is as large as RDS has them does not. */
function growth(storageGb: number): { maxAllocatedStorage?: number } {
  const most = Math.min(storageGb * GROWTH, LIMITS.rdsStorageMax.value);
  return most >= storageGb * LEAST_GROWTH ? { maxAllocatedStorage: most } : {};
}

/**
 * The security group of a part that asks the database and calls services, and the rules by which it reaches them.
 * @param what the part, as the rules' descriptions name it
 */
export function databaseClient(
  name: string,
  { placement, database, what }: { placement: Placement; database: DatabaseEndpoint; what: string },
  opts: pulumi.CustomResourceOptions,
): { group: SecurityGroup; rules: pulumi.Resource[] } {
  const group = securityGroup(name, { vpcId: placement.vpcId, description: what }, opts);
  const { securityGroupId: to, port } = database;
  const toDatabase = allow(`${name}-database`, { from: group, to, port, description: `${what} to Postgres` }, opts);
  return { group, rules: [...toDatabase, allowHttps(name, group, opts)] };
}

/** Leave to log in as some of the database's roles, and no others. */
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

/** The environment by which a part finds the database. @param ca the file with the authorities of RDS's certificates */
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
