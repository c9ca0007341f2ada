import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Content of the file `tracking` of a data directory when documents are in the platform's own Postgres. */
export const POSTGRES = "postgres";

/** Reads the location of the local platform's documents: the endpoint of an OpenSearch, or {@link POSTGRES}. */
export function readTrackingFile(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, "tracking"), "utf8");
  } catch {
    return POSTGRES;
  }
}

/**
 * Reads the locations of the jobs and documents of the running local platform.
 * @returns the database's URL, and the endpoint of the OpenSearch that has the documents; undefined if Postgres has them
 * @throws Error if no platform runs on the data directory
 */
export function trackingOf(dataDir: string): { databaseUrl: string; endpoint: string | undefined } {
  const { databaseUrl } = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8")) as { databaseUrl: string };
  const store = readTrackingFile(dataDir);
  return { databaseUrl, endpoint: store === POSTGRES ? undefined : store };
}
