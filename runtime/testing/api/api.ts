import pg from "pg";
import { createApp } from "../../api/app.ts";
import type { Emulator } from "../../local/emulator.ts";
import { createToken, type Scope } from "../../store/tokens.ts";
import { trackingStore } from "../../tracking/index.ts";
import { testDispatcher } from "../dispatcher.ts";

/** Creates an API with its own database, queues and buckets; `as` returns the headers of a caller. */
export async function testApi(settings: Record<string, object> = {}, cloud?: Promise<Emulator>) {
  const d = await testDispatcher(
    { ...settings, jobs: { rawSql: true, ...settings.jobs }, api: { openRates: true, ...settings.api } },
    cloud,
  );
  const db = new pg.Pool({
    connectionString: d.database.urlAs("api_reader"),
    max: 4,
    statement_timeout: d.context.settings.api.statementSeconds * 1000,
  });
  db.on("error", () => undefined);
  const { sqs, queues, settings: all } = d.context;
  const { s3 } = d;
  const { buckets } = all;
  if (!buckets) throw new Error("the test platform has buckets");
  const { plans } = d.context;
  const app = await createApp({
    db,
    plans,
    settings: all,
    tracking: trackingStore(all, db),
    cloud: { sqs, s3, queues, buckets },
    logLevel: "silent",
  });
  return {
    ...d,
    app,
    /** The connections of the API itself. */
    pool: db,
    role: d.as,
    async as(tenant: string, ...scopes: Scope[]): Promise<{ authorization: string }> {
      const { token } = await createToken(d.admin, {
        name: "test",
        tenant,
        scopes: scopes.length > 0 ? scopes : ["read", "submit", "update", "cancel"],
      });
      return { authorization: `Bearer ${token}` };
    },
    async close() {
      await app.close();
      await db.end();
      await d.close();
    },
  };
}
