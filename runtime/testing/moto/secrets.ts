import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { handler } from "../../../db/lambda.ts";
import { emptyDatabase } from "../../../db/testing/database.ts";
import type { MotoPlatform } from "./platform.ts";

/** Tests of the calls to Secrets Manager. */
export const secretCalls = (platform: MotoPlatform): Mocha.Suite =>
  describe("Secrets Manager", () => {
    const ROLES_STEP = { step: "roles", slots: { glue: 1, ec2: 1 } };
    const secret = async (value: string) => {
      const secrets = new SecretsManagerClient(platform.moto);
      const { ARN = "" } = await secrets.send(new CreateSecretCommand({ Name: randomUUID(), SecretString: value }));
      secrets.destroy();
      process.env.MASTER_SECRET_ARN = ARN;
    };

    it("gives the migrations the login of their master", async () => {
      const database = await emptyDatabase();
      try {
        const { hostname, port, pathname, username, password } = new URL(database.url);
        Object.assign(process.env, { DATABASE_HOST: hostname, DATABASE_PORT: port, DATABASE_NAME: pathname.slice(1) });
        Object.assign(process.env, { DATABASE_AUTH: "password", DB_PASSWORD: "" });
        await secret(JSON.stringify({ username, password: decodeURIComponent(password) }));
        assert.deepEqual(await handler(ROLES_STEP), { created: [] }, "they are the cluster's");
      } finally {
        await database.drop();
      }
    });

    it("is reported when it has no login or is missing, without its contents", async () => {
      await secret('{"password":"hunter2"}');
      await assert.rejects(handler(ROLES_STEP), (error: Error) => {
        assert.match(error.message, /no username and password/);
        assert.doesNotMatch(String(error.stack), /hunter2/);
        return true;
      });
      process.env.MASTER_SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none-abcdef";
      await assert.rejects(handler(ROLES_STEP), { name: "ResourceNotFoundException" });
    });
  });
