import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";
import Type from "typebox";
import Value from "typebox/value";
import { connectionOptions } from "../runtime/platform/postgres.ts";
import { storeToken as insertToken, SCOPES } from "../runtime/store/tokens.ts";
import { migrate, migrateRoles } from "./migrate.ts";

/** Fields of the master user's secret in RDS (Amazon RDS User Guide, password management with Secrets Manager). */
const Master = Type.Object({ username: Type.String(), password: Type.String() });

const Slots = Type.Object(
  { glue: Type.Integer({ minimum: 0 }), ec2: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);
const Token = Type.Object(
  {
    id: Type.String({ pattern: "^[0-9a-f]{12}$" }),
    hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    tenant: Type.String({ minLength: 1, maxLength: 200 }),
    scopes: Type.Array(Type.Enum([...SCOPES])),
    expiresAt: Type.Optional(Type.String({ pattern: "^[0-9TZ:.+-]{10,40}$" })),
  },
  { additionalProperties: false },
);

/** Event of the function: a step to run, or the data of an API token to store. */
const Event = Type.Union([
  Type.Object({ step: Type.Literal("roles"), slots: Slots }),
  Type.Object({ step: Type.Literal("migrate") }),
  Type.Object({ token: Token }),
]);
type Event = Type.Static<typeof Event>;

/**
 * Brings the stack's database up to date from inside its network (Lambda handler). Environment: DATABASE_HOST,
 * DATABASE_PORT, DATABASE_NAME, DATABASE_AUTH, DATABASE_CA and MASTER_SECRET_ARN. Only the step `roles` logs in as the
 * master. It reads the password, which RDS manages, on each call and does not store it. Everything else runs as the role
 * migrator, with an IAM token. The event `{ token }` stores the hash of an API token, for example the stack's first.
 *
 * @returns names and ids only, no data
 * @throws Error if the event or the master's secret is invalid, or if AWS or Postgres fails; names the failed migration
 */
export async function handler(
  event: unknown,
): Promise<{ created: string[] } | { applied: string[] } | { tokenId: string }> {
  const parsed = parse(event);
  if ("token" in parsed) return { tokenId: await storeToken(parsed.token) };
  if (parsed.step === "roles") return { created: await migrateRoles(await masterOptions(), parsed.slots) };
  return migrate(connectionOptions("migrator"), (line) => console.log(line));
}

function parse(event: unknown): Event {
  if (Value.Check(Event, event)) return event;
  if (event !== null && typeof event === "object" && "token" in event)
    throw new Error("token: must be the output of `token.ts --offline`.");
  throw new Error(
    'Invoke the function with {"step":"roles","slots":{"glue":N,"ec2":N}}, {"step":"migrate"} or {"token":{…}}.',
  );
}

async function masterOptions(): Promise<pg.ClientConfig> {
  const secrets = new SecretsManagerClient({});
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.MASTER_SECRET_ARN }));
  const { username: user, password } = parseMaster(SecretString ?? "");
  return { ...connectionOptions("migrator"), user, password, application_name: "rates roles" };
}

/** Parses the master's secret. Its errors do not quote it, unlike those of JSON.parse. */
function parseMaster(text: string): Type.Static<typeof Master> {
  let secret: unknown;
  try {
    secret = JSON.parse(text);
  } catch {
    throw new Error("The master's secret is not JSON.");
  }
  if (!Value.Check(Master, secret)) throw new Error("The master's secret has no username and password.");
  return secret;
}

/** Stores the hash of a token that was created elsewhere; the token itself is not sent here. */
async function storeToken(token: Type.Static<typeof Token>): Promise<string> {
  const db = new pg.Client(connectionOptions("migrator"));
  await db.connect();
  try {
    await insertToken(db, token);
    return token.id;
  } finally {
    await db.end();
  }
}
