import type { Emulator } from "./emulator.ts";
import type { Postgres } from "./postgres.ts";

/**
 * Environment variables of a shell that would redirect a part: a real AWS account, another database, npm's own
 * variables.
 */
const FOREIGN = /^(AWS_|DATABASE_|PG[A-Z]|npm_|DB_PASSWORD$|RATES_SETTINGS$)/;
/** The database that the platform uses in its cluster. */
export const DATABASE = "rates";

/** The environment of the platform's parts: the same names as in the cloud, pointing at this machine. */
export function partEnvironment(
  parts: { postgres: Postgres; cloud: Emulator; settings: object; dataDir: string },
  base: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const { postgres, cloud, settings, dataDir } = parts;
  return {
    ...Object.fromEntries(Object.entries(base).filter(([name]) => !FOREIGN.test(name))),
    ...cloud.env,
    DATABASE_HOST: postgres.host,
    DATABASE_PORT: String(postgres.port),
    DATABASE_NAME: DATABASE,
    DATABASE_AUTH: "password",
    DB_PASSWORD: postgres.password,
    RATES_SETTINGS: JSON.stringify(settings),
    RATES_DATA_DIR: dataDir,
  };
}
