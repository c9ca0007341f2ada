import pg from "pg";
import { createApp } from "../../api/app.ts";
import type { Emulator } from "../../local/emulator.ts";
import { createToken, type Scope } from "../../store/tokens.ts";
import { trackingStore } from "../../tracking/index.ts";
import { testDispatcher } from "../dispatcher.ts";

/** Creates an API with its own database, queues and buckets; `as` returns the headers of a caller. */
export async function testApi(settings: Record<string, object> = {}, cloud?: Promise<Emulator>) {
  const dispatcher = await testDispatcher(
    { ...settings, jobs: { rawSql: true, ...settings.jobs }, api: { openRates: true, ...settings.api } },
    cloud,
  );
  const db = new pg.Pool({
    connectionString: dispatcher.database.urlAs("api_reader"),
    max: 4,
    statement_timeout: dispatcher.context.settings.api.statementSeconds * 1000,
  });
  db.on("error", () => undefined);
  const { sqs, queues, settings: allSettings } = dispatcher.context;
  const { s3 } = dispatcher;
  const { buckets } = allSettings;
  if (!buckets) throw new Error("the test platform has no buckets");
  const { plans } = dispatcher.context;
  const app = await createApp({
    db,
    plans,
    settings: allSettings,
    tracking: trackingStore(allSettings, db),
    cloud: { sqs, s3, queues, buckets },
    logLevel: "silent",
  });
  return {
    ...dispatcher,
    app,
    /** The API's own connection pool. */
    pool: db,
    role: dispatcher.as,
    async as(tenant: string, ...scopes: Scope[]): Promise<{ authorization: string }> {
      const { token } = await createToken(dispatcher.admin, {
        name: "test",
        tenant,
        scopes: scopes.length > 0 ? scopes : ["read", "submit", "update", "cancel"],
      });
      return { authorization: `Bearer ${token}` };
    },
    async close() {
      await app.close();
      await db.end();
      await dispatcher.close();
    },
  };
}
