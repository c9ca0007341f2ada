import pg from "pg";
import { RUNNERS } from "../runtime/contract/states.ts";
import { type ReaderSlots, ROLES, readerRole } from "../runtime/platform/postgres.ts";

/** Role without login whose privileges every reader role inherits. */
const READERS = "price_readers";

/** A session whose client vanished during a statement ends within 10 seconds, not only at its next output. */
const WRITER_SETTINGS = { client_connection_check_interval: "10s" } as const;
/**
 * Settings of every role that runs or plans a read. They are set on each role, since roles do not inherit the settings
 * of a group.
 */
const READER_SETTINGS = { default_transaction_read_only: "on", ...WRITER_SETTINGS } as const;

/**
 * Maximum attempts of a statement that conflicts with a concurrent change of the same role, for example from another
 * database: all databases of a cluster share its roles.
 */
const MAX_ATTEMPTS = 20;
/** SQLSTATEs of such conflicts: unique_violation, and internal_error ("tuple concurrently updated"). */
const CONFLICT_CODES = new Set(["23505", "XX000"]);

/**
 * Creates missing roles and grants them their privileges for the cluster and the database (the migration step `roles`;
 * migrations grant privileges for tables). Can be repeated at any time. If the role rds_iam exists (RDS), every login
 * role becomes a member, so that it logs in with IAM tokens. The master never becomes a member of a login role
 * with INHERIT or SET, since RDS would then refuse its password.
 *
 * @param client - A client of the master or a superuser.
 * @param slots - Number of run slots that need their own login role, per runner type; 0 if raw SQL is off.
 * @returns the names of the roles that it created
 * @throws Postgres's own error if the user may not create roles
 */
export async function ensureRoles(client: pg.ClientBase, slots: ReaderSlots): Promise<string[]> {
  const readers = ["job_reader", "job_reader_plan", ...slotRoles(slots)];
  const logins = [...ROLES.filter((role) => !readers.includes(role)), ...readers];
  const existing = await existingRoles(client);
  const run = (statement: string) => retryConflicts(client, statement);

  const has = (role: string, group: string) => existing.get(role)?.groups.includes(group);
  const ensureSettings = async (role: string, settings: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(settings))
      if (!existing.get(role)?.settings.includes(`${name}=${value}`))
        await run(`alter role ${role} set ${name} = '${value}'`);
  };

  const created = logins.filter((role) => !existing.has(role));
  if (!existing.has(READERS)) await run(`create role ${READERS} nologin`);
  for (const role of created) await run(`create role ${role} login`);
  if (existing.has("rds_iam"))
    for (const role of logins) if (!has(role, "rds_iam")) await run(`grant rds_iam to ${role}`);
  for (const role of readers) {
    if (!has(role, READERS)) await run(`grant ${READERS} to ${role}`);
    await ensureSettings(role, READER_SETTINGS);
  }
  await ensureSettings("job_writer", WRITER_SETTINGS);
  // The canceller sees the sessions of all roles, and may end them.
  if (created.includes("canceller")) await run("grant pg_monitor, pg_signal_backend to canceller");

  const { rows } = await client.query(
    "select current_database() as database, current_setting('is_superuser') = 'on' as superuser",
  );
  const { database, superuser } = rows[0];
  const name = pg.escapeIdentifier(database);
  await run(`grant connect, create, temporary on database ${name} to migrator`);
  await run(`revoke temporary on database ${name} from public`);
  await run(`grant temporary on database ${name} to job_writer`);
  await run("revoke create on schema public from public");
  await run("grant usage, create on schema public to migrator with grant option");
  if (superuser) await transferTablesToMigrator(client);
  return created;
}

/** Returns all roles of the cluster with their groups and settings. */
async function existingRoles(client: pg.ClientBase): Promise<Map<string, { groups: string[]; settings: string[] }>> {
  const { rows } = await client.query(
    `select r.rolname::text as name,
       array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid) as groups,
       coalesce((select s.setconfig from pg_db_role_setting s where s.setrole = r.oid and s.setdatabase = 0), '{}') as settings
     from pg_roles r`,
  );
  return new Map(rows.map(({ name, ...role }) => [name, role]));
}

/** Returns the login roles of the run slots. */
export const slotRoles = (slots: ReaderSlots): string[] =>
  RUNNERS.flatMap((runner) => Array.from({ length: slots[runner] }, (_, index) => readerRole(runner, index + 1)));

/** Makes the migrator the owner of the tables that the superuser restored from a dump, so that it may change them. */
async function transferTablesToMigrator(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname = 'public' and tablename in ('prices', 'ports', 'regions', 'migrations') and tableowner <> 'migrator'`,
  );
  for (const { name } of rows) await client.query(`alter table ${name} owner to migrator`);
}

async function retryConflicts(client: pg.ClientBase, statement: string): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await client.query(statement);
      return;
    } catch (error) {
      const { code = "", message } = error as Error & { code?: string };
      if (code === "42710" || (code === "23505" && statement.startsWith("create role"))) return;
      if (!CONFLICT_CODES.has(code) || !/tuple concurrently|duplicate key/.test(message) || attempt >= MAX_ATTEMPTS)
        throw error;
    }
}

/**
 * Lets every role of the platform log in with `password`. Outside of AWS all roles share a password; on AWS each uses
 * IAM tokens. Roles belong to the cluster, so this affects all its databases.
 * @param client - A client of the superuser.
 */
export async function letRolesLogIn(client: pg.ClientBase, password: string, slots: ReaderSlots): Promise<void> {
  const literal = pg.escapeLiteral(password);
  for (const role of [...ROLES, ...slotRoles(slots)])
    await retryConflicts(client, `alter role ${role} login password ${literal}`);
}
