import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Function as Lambda } from "@pulumi/aws/lambda/function.js";
import { Invocation } from "@pulumi/aws/lambda/invocation.js";
import * as pulumi from "@pulumi/pulumi";
import { rdsBundle } from "../runtime/image/rdsCa.ts";
import type { ReaderSlots } from "../runtime/platform/postgres.ts";
import { type Database, databaseClientGroup, databaseEnvironment, loginStatement } from "./database.ts";
import type { OutboundAccess } from "./network.ts";
import { bundle, RUNTIME_MODULES } from "./shared/bundle.ts";
import { NETWORK_INTERFACES, roleFor, writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import type { Placement } from "./shared/securityGroups.ts";

/**
 * Arguments of the migrations of a stack.
 *
 * @example
 * ```ts
 * import type { Database } from "./database.ts";
 * import { Migrations } from "./migrations.ts";
 * import type { Network } from "./network.ts";
 *
 * export const createMigrations = ({ placement, outbound }: Network, database: Database) =>
 *   new Migrations("rates-dev-migrations", {
 *     placement,
 *     outbound,
 *     database,
 *     arch: "arm64",
 *     retentionDays: 30,
 *     region: "eu-central-1",
 *     accountId: "123456789012",
 *     slots: { glue: 0, ec2: 0 },
 *   });
 * ```
 */
export interface MigrationsArgs {
  /** Private subnets of the function. */
  readonly placement: Placement;
  /** Network access to Secrets Manager. */
  readonly outbound: OutboundAccess;
  /** Database to migrate. */
  readonly database: Database;
  /** Processor architecture of the function. */
  readonly arch: "x86_64" | "arm64";
  /** Retention of logs in days. */
  readonly retentionDays: number;
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
  /** Id of the AWS account: 12 digits. */
  readonly accountId: string;
  /** Number of run slots that need a login role, per runner type. */
  readonly slots: ReaderSlots;
}

/** Folders of db/ with the SQL that the function applies. */
const SQL_FOLDERS = {
  migrations: new URL("../db/migrations/", import.meta.url),
  functions: new URL("../db/functions/", import.meta.url),
  views: new URL("../db/views/", import.meta.url),
};
/** Lambda's maximum in seconds. Backfills and indexes on large tables run outside `up`. */
const TIMEOUT_SECONDS = 900;
const MEMORY_MB = 256;

/**
 * Runs two steps inside the network before dependent resources change. `roles` runs as the master, once per change of
 * the code that creates roles or of the number of run slots with a login role. `migrate` runs as the role migrator, once
 * per change of the SQL files. Migrations must be compatible with the previous version of the code, which is still
 * running.
 */
export class Migrations extends pulumi.ComponentResource {
  /** Version of the SQL files; known after they are applied. */
  readonly version: pulumi.Output<string>;
  /** Name of the function, which also stores hashes of API tokens (db/lambda.ts). */
  readonly functionName: pulumi.Output<string>;

  constructor(name: string, args: MigrationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Migrations", name, {}, opts);
    const { placement, database } = args;
    const child = { parent: this };
    const version = migrationsVersion();

    const client = { placement, database: database.endpoint, clientName: "migrations" };
    const logs = logGroup(name, { retentionDays: args.retentionDays }, child);
    const { role, policies } = roleFor(
      name,
      {
        service: "lambda.amazonaws.com",
        statements: [
          // The step `roles` logs in as the master, all others as the migrator.
          { actions: ["secretsmanager:GetSecretValue"], resources: [database.masterSecretArn] },
          loginStatement(database.endpoint, { region: args.region, accountId: args.accountId }, ["migrator"]),
          writeLogs(logs.arn),
          NETWORK_INTERFACES,
        ],
      },
      child,
    );
    // Lambda uses the function's role to delete its network interfaces; only afterwards can the security group be
    // deleted.
    const { group, rules } = databaseClientGroup(name, client, { ...child, dependsOn: policies });
    const code = {
      entry: new URL("../db/lambda.ts", import.meta.url),
      external: RUNTIME_MODULES,
      files: { ...SQL_FOLDERS, "rds-ca.pem": rdsBundle() },
    };
    const environment = databaseEnvironment(database.endpoint, "/var/task/rds-ca.pem");
    const lambda = new Lambda(
      name,
      {
        description: args.outbound.description("Migrates the database"),
        runtime: "nodejs24.x",
        architectures: [args.arch],
        handler: "index.handler",
        code: bundle(code),
        role: role.arn,
        timeout: TIMEOUT_SECONDS,
        memorySize: MEMORY_MB,
        environment: { variables: { ...environment, MASTER_SECRET_ARN: database.masterSecretArn } },
        vpcConfig: { subnetIds: placement.subnetIds, securityGroupIds: [group.id] },
        loggingConfig: { logFormat: "JSON", logGroup: logs.name },
      },
      { ...child, dependsOn: [...policies, ...rules, ...args.outbound.endpoints] },
    );
    const step = (suffix: string, input: object, triggers: Record<string, string>, dependsOn: pulumi.Resource[]) =>
      new Invocation(
        suffix,
        { functionName: lambda.name, input: JSON.stringify(input), triggers },
        { ...child, dependsOn },
      );
    const { slots } = args;
    const roles = step(
      `${name}-roles`,
      { step: "roles", slots },
      { version: rolesVersion(), slots: JSON.stringify(slots) },
      // The instance's address is known before the instance is ready, so the step depends on the instance itself.
      [database.instance],
    );
    const migrate = step(name, { step: "migrate", version }, { version }, [roles]);
    this.functionName = lambda.name;
    this.version = migrate.result.apply(() => version);
    this.registerOutputs({ version: this.version });
  }
}

/** Hashes the code that creates and lists roles. */
function rolesVersion(): string {
  const files = ["../db/roles.ts", "../runtime/platform/postgres.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url)),
  );
  return createHash("sha256").update(Buffer.concat(files)).digest("hex").slice(0, 16);
}

/** Hashes the names and contents of all SQL files that the function applies. */
export function migrationsVersion(): string {
  const hash = createHash("sha256");
  for (const folder of Object.values(SQL_FOLDERS))
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort())
      if (file.endsWith(".sql")) hash.update(file).update(readFileSync(new URL(file, folder)));
  return hash.digest("hex").slice(0, 16);
}
