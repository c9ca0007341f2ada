import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { handler } from "../../../db/lambda.ts";
import { emptyDatabase } from "../../../db/testing/database.ts";
import type { MotoPlatform } from "./platform.ts";

/** Tests of the calls to Secrets Manager. */
export const secretCalls = (platform: MotoPlatform): Mocha.Suite =>
  describe("Secrets Manager", () => {
    const ROLES_STEP = { step: "roles", slots: { glue: 1, ec2: 1 } };
    const createSecret = async (value: string) => {
      const secrets = new SecretsManagerClient(platform.moto);
      const { ARN = "" } = await secrets.send(new CreateSecretCommand({ Name: randomUUID(), SecretString: value }));
      secrets.destroy();
      process.env.MASTER_SECRET_ARN = ARN;
    };

    it("provides the migrations with the master's login", async () => {
      const database = await emptyDatabase();
      try {
        const { hostname, port, pathname, username, password } = new URL(database.url);
        Object.assign(process.env, { DATABASE_HOST: hostname, DATABASE_PORT: port, DATABASE_NAME: pathname.slice(1) });
        Object.assign(process.env, { DATABASE_AUTH: "password", DB_PASSWORD: "" });
        await createSecret(JSON.stringify({ username, password: decodeURIComponent(password) }));
        assert.deepEqual(await handler(ROLES_STEP), { created: [] }, "the roles exist in the cluster");
      } finally {
        await database.drop();
      }
    });

    it("reports a secret that is missing, is not JSON or has no login, without its contents", async () => {
      for (const [secret, message] of [
        ['{"password":"hunter2"}', /no username and password/],
        ["hunter2", /is not JSON/],
      ] as const) {
        await createSecret(secret);
        await assert.rejects(handler(ROLES_STEP), (error: Error) => {
          assert.match(error.message, message);
          assert.doesNotMatch(inspect(error), /hunter2/);
          return true;
        });
      }
      process.env.MASTER_SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none-abcdef";
      await assert.rejects(handler(ROLES_STEP), { name: "ResourceNotFoundException" });
    });
  });
