import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";
import Type from "typebox";
import Value from "typebox/value";
import { connectionOptions } from "../runtime/platform/postgres.ts";
import { storeToken as insertToken, SCOPES } from "../runtime/store/tokens.ts";
import { migrate, migrateRoles } from "./migrate.ts";

/** Fields of RDS's secret of the master (Amazon RDS User Guide, password management with Secrets Manager). */
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

/** Event of the function: one of its steps, or an API token whose hash is to be stored. */
const Event = Type.Union([
  Type.Object({ step: Type.Literal("roles"), slots: Slots }),
  Type.Object({ step: Type.Literal("migrate") }),
  Type.Object({ token: Token }),
]);
type Event = Type.Static<typeof Event>;

/**
 * The Lambda function that brings the stack's database up to date from inside its network. Environment: DATABASE_HOST,
 * DATABASE_PORT, DATABASE_NAME, DATABASE_AUTH, DATABASE_CA and MASTER_SECRET_ARN. Only the step `roles` logs in as the
 * master, with the password that RDS manages, which is read by each call and not stored. All else is done as the role
 * migrator, with an IAM token. The event `{ token }` stores an API token by its hash, for example the first one.
 *
 * @returns names only, no data
 * @throws Error that names the step or the field
 */
export async function handler(
  event: unknown,
): Promise<{ created: string[] } | { applied: string[] } | { tokenId: string }> {
  const asked = parse(event);
  if ("token" in asked) return { tokenId: await storeToken(asked.token) };
  if (asked.step === "roles") return { created: await migrateRoles(await masterOptions(), asked.slots) };
  return migrate(connectionOptions("migrator"), (line) => console.log(line));
}

function parse(event: unknown): Event {
  if (Value.Check(Event, event)) return event;
  if (event !== null && typeof event === "object" && "token" in event)
    throw new Error("token: must be the output of `token.ts --offline`.");
  throw new Error('Invoke it with {"step":"roles","slots":{"glue":N,"ec2":N}}, {"step":"migrate"} or {"token":{…}}.');
}

async function masterOptions(): Promise<pg.ClientConfig> {
  const secrets = new SecretsManagerClient({});
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.MASTER_SECRET_ARN }));
  const secret: unknown = JSON.parse(SecretString ?? "null");
  // The message does not contain the value, which is a secret.
  if (!Value.Check(Master, secret)) throw new Error("The master's secret has no username and password.");
  const { username: user, password } = secret;
  return { ...connectionOptions("migrator"), user, password, application_name: "rates roles" };
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
