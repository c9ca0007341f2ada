import pg from "pg";
import { testDatabase } from "../testing/cluster.ts";
import { trackingSuite } from "../testing/tracking/suite.ts";
import { PostgresTracking } from "./postgres.ts";

trackingSuite("Postgres", async () => {
  const database = await testDatabase();
  const db = new pg.Pool({ connectionString: database.urlAs("dispatcher"), max: 2 });
  db.on("error", () => undefined);
  return {
    store: new PostgresTracking(db),
    settled: async () => undefined,
    async close() {
      await db.end();
      await database.drop();
    },
  };
});
