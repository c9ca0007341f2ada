import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Postgres, startPostgres } from "../../local/postgres.ts";
import { postgresBinaries } from "../../local/postgresBinaries.ts";
import { asUnprivileged } from "../../local/unprivileged.ts";
import type { Authority, Certificate } from "./certificates.ts";

/** RDS's own role, the only superuser. */
export const SUPERUSER = "rdsadmin";
/** Common name of the proxy's client certificate, and the pg_ident.conf map by which Postgres accepts it. */
const TOKEN_CHECK = "rates-token-check";

/**
 * Initial state of an RDS for PostgreSQL 18 instance (Amazon RDS User Guide, roles and permissions): the master may
 * create roles and databases, is a member of rds_superuser, and may grant the roles that rds_superuser may grant. From
 * Postgres 16 on, the admin option on rds_iam does not by itself make the master an effective member.
 */
const NEW_INSTANCE = (master: string, password: string) => `
  create role rds_superuser nologin;
  create role rds_iam nologin;
  grant pg_monitor, pg_signal_backend, pg_read_all_data, pg_checkpoint to rds_superuser with admin option;
  grant rds_iam to rds_superuser with admin option, inherit false, set false;
  create role ${pg.escapeIdentifier(master)} login password ${pg.escapeLiteral(password)} nosuperuser createrole createdb;
  grant rds_superuser to ${pg.escapeIdentifier(master)};`;

/** Roles that inherit rds_iam, or can become a role that inherits it: RDS admits them only by token. */
const TOKEN_ROLES = `
  with recursive holders(member) as (
    select m.member from pg_auth_members m where m.roleid = to_regrole('rds_iam') and (m.inherit_option or m.set_option)
    union
    select m.member from pg_auth_members m join holders h on m.roleid = h.member where m.inherit_option or m.set_option)
  select r.rolname::text as role from holders h join pg_roles r on r.oid = h.member order by 1`;

export interface InstanceOptions {
  readonly directory: string;
  readonly master: string;
  /** The database that the instance is created with. */
  readonly database: string;
  readonly authority: Authority;
  readonly maxConnections: number;
  /** Accepts tokens (IAM database authentication). */
  readonly iam: boolean;
}

/** A database instance: a Postgres server whose pg_hba.conf follows the memberships in rds_iam. */
export class Instance {
  readonly resourceId: string;
  readonly options: InstanceOptions;
  /** Certificate with which the TLS proxy connects to Postgres. */
  readonly client: Certificate;
  #postgres: Postgres | undefined;
  #admin: pg.Client | undefined;
  #rules = "";

  private constructor(options: InstanceOptions) {
    this.options = options;
    this.resourceId = `db-${randomBytes(13).toString("hex").toUpperCase()}`;
    this.client = options.authority.issue(TOKEN_CHECK);
  }

  /** Creates an instance with an empty database, owned by its master. */
  static async create(options: InstanceOptions & { readonly password: string }): Promise<Instance> {
    const instance = new Instance(options);
    await instance.#start("postgres");
    const admin = instance.#client;
    await admin.query(NEW_INSTANCE("rates_first", options.password));
    // The bootstrap superuser gets RDS's name, which frees its own name for the master. No session can rename its own
    // user, so another superuser does it.
    await admin.query("create role rates_rename superuser login password 'once'");
    await instance.#reconnect("rates_rename", "once");
    await instance.#client.query(`alter role postgres rename to ${SUPERUSER}`);
    await instance.#reconnect(SUPERUSER);
    await instance.#client.query("drop role rates_rename");
    await instance.#client.query(`alter role rates_first rename to ${pg.escapeIdentifier(options.master)}`);
    await instance.setMasterPassword(options.password);
    await instance.#client.query(
      `create database ${pg.escapeIdentifier(options.database)} owner ${pg.escapeIdentifier(options.master)}`,
    );
    await instance.#secure();
    return instance;
  }

  /**
   * Creates an instance from a copy of a stopped instance's files, as a restore does: with all data and a new resource
   * id.
   */
  static async copy(source: Instance, options: Pick<InstanceOptions, "directory" | "iam">): Promise<Instance> {
    const instance = new Instance({ ...source.options, ...options });
    // Keeps owners and modes, which Postgres checks.
    execFileSync("cp", ["-a", source.options.directory, options.directory]);
    rmSync(join(options.directory, "data", "postgresql.auto.conf"));
    await instance.#start(SUPERUSER);
    await instance.#secure();
    return instance;
  }

  get port(): number {
    if (this.#postgres === undefined) throw new Error("the instance is stopped");
    return this.#postgres.port;
  }

  /** Runs a statement as the superuser, which no component of the platform can do. */
  async query(sql: string, values: unknown[] = []): Promise<pg.QueryResult> {
    return this.#client.query(sql, values);
  }

  async setMasterPassword(password: string): Promise<void> {
    const { master } = this.options;
    await this.#client.query(`alter role ${pg.escapeIdentifier(master)} password ${pg.escapeLiteral(password)}`);
  }

  /** Updates Postgres's rules to the current memberships. @returns true if the user logs in by token */
  async needsToken(user: string): Promise<boolean> {
    const roles = await this.#tokenRoles();
    await this.#writeRules(roles);
    return roles.includes(user);
  }

  async stop(): Promise<void> {
    await this.#admin?.end().catch(() => undefined);
    await this.#postgres?.stop();
    this.#admin = undefined;
    this.#postgres = undefined;
  }

  async start(): Promise<void> {
    await this.#start(SUPERUSER);
  }

  get #client(): pg.Client {
    if (this.#admin === undefined) throw new Error("the instance is stopped");
    return this.#admin;
  }

  async #start(user: string): Promise<void> {
    const { directory, maxConnections } = this.options;
    this.#postgres = await startPostgres({
      directory,
      logFile: join(directory, "log"),
      durable: false,
      maxConnections,
    });
    await this.#reconnect(user);
  }

  async #reconnect(user: string, password = this.#postgres?.password ?? ""): Promise<void> {
    await this.#admin?.end();
    const client = new pg.Client({ host: "127.0.0.1", port: this.port, database: "postgres", user, password });
    client.on("error", () => undefined);
    await client.connect();
    this.#admin = client;
  }

  /** Configures TLS, the proxy's certificate and the first rules. */
  async #secure(): Promise<void> {
    const { authority, directory } = this.options;
    const server = authority.issue("postgres", ["127.0.0.1"]);
    const tls = join(directory, "tls");
    mkdirSync(tls, { recursive: true });
    const files = { "ca.pem": authority.certificate, "server.pem": server.certificate, "server.key": server.key };
    const { postgres } = await postgresBinaries();
    const unprivileged = asUnprivileged(postgres, directory);
    unprivileged.chown(tls);
    for (const [name, content] of Object.entries(files)) {
      const file = join(tls, name);
      writeFileSync(file, content, { mode: 0o600 });
      chmodSync(file, 0o600);
      unprivileged.chown(file);
    }
    // Overwritten in place, so that the file keeps its owner.
    writeFileSync(join(directory, "data", "pg_ident.conf"), `${TOKEN_CHECK} ${TOKEN_CHECK} all\n`);
    for (const [name, value] of [
      ["ssl", "on"],
      ["ssl_ca_file", join(tls, "ca.pem")],
      ["ssl_cert_file", join(tls, "server.pem")],
      ["ssl_key_file", join(tls, "server.key")],
    ] as const)
      await this.#client.query(`alter system set ${name} = ${pg.escapeLiteral(value)}`);
    this.#rules = "";
    await this.#writeRules(await this.#tokenRoles());
  }

  async #tokenRoles(): Promise<string[]> {
    const { rows } = await this.#client.query<{ role: string }>(TOKEN_ROLES);
    return rows.map(({ role }) => role);
  }

  /**
   * Writes the rules: users who log in by token are admitted only over TLS with the proxy's certificate, all others by
   * password.
   */
  async #writeRules(roles: readonly string[]): Promise<void> {
    const lines = [
      ...roles.flatMap((role) => [
        `hostssl all "${role}" 127.0.0.1/32 cert map=${TOKEN_CHECK}`,
        `host all "${role}" 127.0.0.1/32 reject`,
      ]),
      "host all all 127.0.0.1/32 scram-sha-256",
    ];
    const rules = `${lines.join("\n")}\n`;
    if (rules === this.#rules) return;
    const client = this.#client;
    writeFileSync(join(this.options.directory, "data", "pg_hba.conf"), rules);
    const { rows } = await client.query("select pg_conf_load_time()::text as before, pg_reload_conf()");
    // The postmaster tells its sessions to reload and reads the rules before it accepts another connection.
    for (let loaded = false; !loaded; )
      loaded = (await client.query("select pg_conf_load_time() > $1::timestamptz as loaded", [rows[0].before])).rows[0]
        .loaded;
    this.#rules = rules;
  }
}
