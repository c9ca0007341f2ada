import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { mochaGlobalSetup, mochaGlobalTeardown } from "../../runtime/testing/cluster.ts";
import { migratedDatabase } from "./database.ts";
import { describeSchema } from "./schemaFile.ts";

/** `node db/testing/writeSchema.ts`: regenerates db/schema.sql from a newly migrated database. */
await mochaGlobalSetup();
const database = await migratedDatabase();
const file = fileURLToPath(new URL("../schema.sql", import.meta.url));
writeFileSync(file, await describeSchema(await database.connect()));
await database.drop();
await mochaGlobalTeardown();
