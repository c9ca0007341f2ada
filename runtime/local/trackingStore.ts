import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withClient } from "../../db/prepare.ts";
import { POSTGRES, readTrackingFile } from "../platform/dataDirectory.ts";

/** Time limit for an OpenSearch to respond. */
const RESPONSE_MS = 3_000;

/**
 * Marks all documents to be written again if the last start used another tracking store. The file `tracking` in the
 * data directory contains the last store's endpoint.
 * @param endpoint - URL of OpenSearch; undefined for Postgres.
 */
export async function reindexIfStoreChanged(
  dataDir: string,
  endpoint: string | undefined,
  databaseUrl: string,
): Promise<void> {
  const file = join(dataDir, "tracking");
  const current = endpoint ?? POSTGRES;
  if (readTrackingFile(dataDir) === current) return;
  await withClient(databaseUrl, (client) => client.query("select jobs.track_all()"));
  writeFileSync(file, current, { mode: 0o600 });
}

/**
 * Describes in one line why OpenSearch is unavailable; undefined if it is available. The platform starts without it;
 * only search fails.
 */
export async function trackingProblem(endpoint: string): Promise<string | undefined> {
  const response = await fetch(endpoint, { signal: AbortSignal.timeout(RESPONSE_MS) }).catch(() => undefined);
  await response?.body?.cancel();
  if (response?.ok) return undefined;
  const state = response === undefined ? "does not respond" : `returns ${response.status}`;
  return `The OpenSearch at ${endpoint} ${state}: jobs run, but cannot be searched until it does.`;
}
