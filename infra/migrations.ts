import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Function as Lambda } from "@pulumi/aws/lambda/function.js";
import { Invocation } from "@pulumi/aws/lambda/invocation.js";
import * as pulumi from "@pulumi/pulumi";
import { rdsBundle } from "../runtime/image/rdsCa.ts";
import type { ReaderSlots } from "../runtime/platform/postgres.ts";
import { type Database, databaseClient, databaseEnvironment, loginStatement } from "./database.ts";
import type { OutboundAccess } from "./network.ts";
import { bundle, RUNTIME_MODULES } from "./shared/bundle.ts";
import { NETWORK_INTERFACES, roleFor, writeLogs } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import type { Placement } from "./shared/securityGroups.ts";

/** What brings a stack's database up to date. */
export interface MigrationsArgs {
  readonly placement: Placement;
  /** What it reaches Secrets Manager by. */
  readonly outbound: OutboundAccess;
  readonly database: Database;
  readonly arch: "x86_64" | "arm64";
  /** Days that logs are kept. */
  readonly retentionDays: number;
  readonly region: string;
  readonly accountId: string;
  /** Run slots that need a login role of their own, per runner type. */
  readonly slots: ReaderSlots;
}

/** The SQL that the function applies: folders of db/. */
const SQL_FOLDERS = {
  migrations: new URL("../db/migrations/", import.meta.url),
  functions: new URL("../db/functions/", import.meta.url),
  views: new URL("../db/views/", import.meta.url),
};
/** A Lambda function cannot take longer: backfills and indexes on large tables are made outside `up` (trap 18). Seconds. */
const TIMEOUT = 900;
const MEMORY_MB = 256;

/**
 * Runs two steps inside the network, before whatever depends on this component: `roles` as the master, once per change
 * of the roles or of the run slots that need one; `migrate` as the role migrator, once per change of the SQL files.
 * They are compatible with the version of the code before, which goes on while they run.
 */
export class Migrations extends pulumi.ComponentResource {
  /** Of the files; known once the database has them. */
  readonly version: pulumi.Output<string>;
  /** The function's name: it also keeps the first API token's hash (db/lambda.ts). */
  readonly functionName: pulumi.Output<string>;

  constructor(name: string, args: MigrationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Migrations", name, {}, opts);
    const { placement, database } = args;
    const child = { parent: this };
    const version = migrationsVersion();

    const client = { placement, database: database.endpoint, what: "migrations" };
    const logs = logGroup(name, { retentionDays: args.retentionDays }, child);
    const { role, policies } = roleFor(
      name,
      {
        service: "lambda.amazonaws.com",
        statements: [
          // The step `roles` logs in as the master, everything else as the migrator.
          { actions: ["secretsmanager:GetSecretValue"], resources: [database.masterSecretArn] },
          loginStatement(database.endpoint, { region: args.region, accountId: args.accountId }, ["migrator"]),
          writeLogs(logs.arn),
          NETWORK_INTERFACES,
        ],
      },
      child,
    );
    // Lambda deletes its network interfaces by the function's role, and the group goes only after them.
    const { group, rules } = databaseClient(name, client, { ...child, dependsOn: policies });
    const code = {
      entry: new URL("../db/lambda.ts", import.meta.url),
      external: RUNTIME_MODULES,
      files: { ...SQL_FOLDERS, "rds-ca.pem": rdsBundle() },
    };
    const environment = databaseEnvironment(database.endpoint, "/var/task/rds-ca.pem");
    const lambda = new Lambda(
      name,
      {
        description: args.outbound.description("Brings the database up to date"),
        runtime: "nodejs24.x",
        architectures: [args.arch],
        handler: "index.handler",
        code: bundle(code),
        role: role.arn,
        timeout: TIMEOUT,
        memorySize: MEMORY_MB,
        environment: { variables: { ...environment, MASTER_SECRET_ARN: database.masterSecretArn } },
        vpcConfig: { subnetIds: placement.subnetIds, securityGroupIds: [group.id] },
        loggingConfig: { logFormat: "JSON", logGroup: logs.name },
      },
      { ...child, dependsOn: [...policies, ...rules, ...args.outbound.endpoints] },
    );
    const step = (what: string, input: object, triggers: Record<string, string>, dependsOn: pulumi.Resource[]) =>
      new Invocation(
        what,
        { functionName: lambda.name, input: JSON.stringify(input), triggers },
        { ...child, dependsOn },
      );
    const { slots } = args;
    const roles = step(
      `${name}-roles`,
      { step: "roles", slots },
      { version: rolesVersion(), slots: JSON.stringify(slots) },
      // The instance itself, and not only its address, which is known a little earlier.
      [database.instance],
    );
    const run = step(name, { step: "migrate", version }, { version }, [roles]);
    this.functionName = lambda.name;
    this.version = run.result.apply(() => version);
    this.registerOutputs({ version: this.version });
  }
}

/** A hash of the code that creates roles. */
function rolesVersion(): string {
  const files = ["../db/roles.ts", "../runtime/platform/postgres.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url)),
  );
  return createHash("sha256").update(Buffer.concat(files)).digest("hex").slice(0, 16);
}

/** A hash of the names and contents of all SQL files that the function applies. */
export function migrationsVersion(): string {
  const hash = createHash("sha256");
  for (const folder of Object.values(SQL_FOLDERS))
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort())
      if (file.endsWith(".sql")) hash.update(file).update(readFileSync(new URL(file, folder)));
  return hash.digest("hex").slice(0, 16);
}
