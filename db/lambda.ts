import { readFileSync } from "node:fs";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import Type from "typebox";
import Value from "typebox/value";
import { migrate } from "./migrate.ts";

/** What RDS keeps of its master (Amazon RDS User Guide, password management with Secrets Manager). */
const Master = Type.Object({ username: Type.String(), password: Type.String() });

/**
 * The Lambda function that brings the stack's database up to date from inside its network. It logs in as the master, which
 * on the first day is the only role there is; its password is read at each call and kept nowhere. Environment:
 * DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_CA and MASTER_SECRET_ARN. It answers names only, no data.
 */
export async function handler(): Promise<{ applied: string[] }> {
  const { DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_CA, MASTER_SECRET_ARN } = process.env;
  const secrets = new SecretsManagerClient({});
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: MASTER_SECRET_ARN }));
  const { username, password } = master(SecretString);
  const { applied } = await migrate(
    {
      host: DATABASE_HOST,
      port: Number(DATABASE_PORT),
      database: DATABASE_NAME,
      user: username,
      password,
      application_name: "rates migrations",
      ...(DATABASE_CA ? { ssl: { ca: readFileSync(DATABASE_CA, "utf8"), servername: DATABASE_HOST } } : {}),
    },
    (line) => console.log(line),
    `${import.meta.dirname}/migrations`,
  );
  return { applied };
}

function master(text: string | undefined) {
  const read: unknown = JSON.parse(text ?? "null");
  // Not the value: it is a secret.
  if (!Value.Check(Master, read)) throw new Error("The master's secret has no username and password.");
  return read;
}
