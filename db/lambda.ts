import { readFileSync } from "node:fs";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";
import Type from "typebox";
import Value from "typebox/value";
import { keepToken, SCOPES } from "../runtime/jobs/tokens.ts";
import { migrate } from "./migrate.ts";

/** What RDS keeps of its master (Amazon RDS User Guide, password management with Secrets Manager). */
const Master = Type.Object({ username: Type.String(), password: Type.String() });

/**
 * The Lambda function that brings the stack's database up to date from inside its network. It logs in as the master, which
 * on the first day is the only role there is; its password is read at each call and kept nowhere. Environment:
 * DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_CA and MASTER_SECRET_ARN. It answers names only, no
 * data. Invoked with `{ token }` it keeps an API token's hash instead: the first one is made so.
 */
export async function handler(event: { token?: unknown } = {}): Promise<{ applied: string[] } | { kept: string }> {
  const { DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_CA, MASTER_SECRET_ARN } = process.env;
  const secrets = new SecretsManagerClient({});
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: MASTER_SECRET_ARN }));
  const { username, password } = master(SecretString);
  const target = {
    host: DATABASE_HOST ?? "",
    port: Number(DATABASE_PORT),
    database: DATABASE_NAME ?? "",
    user: username,
    password,
    application_name: "rates migrations",
    ...(DATABASE_CA ? { ssl: { ca: readFileSync(DATABASE_CA, "utf8"), servername: DATABASE_HOST ?? "" } } : {}),
  };
  if (event.token !== undefined) return { kept: await keep(target, event.token) };
  const { applied } = await migrate(target, (line) => console.log(line));
  return { applied };
}

/** Keeps the hash of a token that was made elsewhere: its text comes nowhere near. */
async function keep(target: pg.ClientConfig, token: unknown): Promise<string> {
  if (!Value.Check(Kept, token)) throw new Error("token: has to be what `token.ts --offline` prints.");
  const db = new pg.Client(target);
  await db.connect();
  try {
    await db.query("set role migrator");
    await keepToken(db, token);
    return token.id;
  } finally {
    await db.end();
  }
}

const Kept = Type.Object(
  {
    id: Type.String({ pattern: "^[0-9a-f]{12}$" }),
    hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    tenant: Type.String({ minLength: 1, maxLength: 200 }),
    scopes: Type.Array(Type.Enum([...SCOPES])),
  },
  { additionalProperties: false },
);

function master(text: string | undefined) {
  const read: unknown = JSON.parse(text ?? "null");
  // Not the value: it is a secret.
  if (!Value.Check(Master, read)) throw new Error("The master's secret has no username and password.");
  return read;
}
