import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withClient } from "../../db/prepare.ts";
import { POSTGRES, readTrackingFile } from "../platform/dataDirectory.ts";

/** Time limit for an OpenSearch to respond. */
const ANSWER_MS = 3_000;

/**
 * Marks all jobs to be copied to this start's tracking store, if the last start used another one. The file `tracking`
 * of the data directory contains the last store's endpoint.
 * @param endpoint - URL of OpenSearch; undefined for Postgres.
 */
export async function followTracking(
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

/** Describes why OpenSearch is unavailable, in a line. The platform starts without it; only search is down. */
export async function trackingProblem(endpoint: string): Promise<string | undefined> {
  const answer = await fetch(endpoint, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
  await answer?.body?.cancel();
  if (answer?.ok) return undefined;
  const what = answer === undefined ? "does not answer" : `answers ${answer.status}`;
  return `The OpenSearch at ${endpoint} ${what}: jobs run, but cannot be searched until it does.`;
}
