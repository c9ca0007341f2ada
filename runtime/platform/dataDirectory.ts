import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Content of the file `tracking` of a data directory whose documents are in the platform's own Postgres. */
export const POSTGRES = "postgres";

/** Reads the location of the local platform's documents: the endpoint of OpenSearch, or {@link POSTGRES}. */
export function readTrackingFile(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, "tracking"), "utf8");
  } catch {
    return POSTGRES;
  }
}

/**
 * Reads the locations of the jobs and documents of a running local platform.
 * @returns the database's URL, and OpenSearch's endpoint, which is undefined if the documents are in Postgres
 * @throws Error if the data directory has no platform.json: no platform has started in it, or it was stopped
 */
export function trackingOf(dataDir: string): { databaseUrl: string; endpoint: string | undefined } {
  const { databaseUrl } = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8")) as { databaseUrl: string };
  const store = readTrackingFile(dataDir);
  return { databaseUrl, endpoint: store === POSTGRES ? undefined : store };
}
