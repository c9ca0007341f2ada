import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withClient } from "../../db/prepare.ts";
import type { PlatformFile } from "./platformFile.ts";

/** How long an OpenSearch may take to say that it is there. */
const ANSWER_MS = 3_000;
const POSTGRES = "postgres";

/**
 * Has all jobs written into the tracking store that this start uses, if the last one used another: the documents
 * follow the platform from store to store. The file `tracking` of the data directory remembers which it was.
 * @param endpoint of an OpenSearch; undefined: Postgres
 */
export async function followTracking(
  dataDir: string,
  endpoint: string | undefined,
  databaseUrl: string,
): Promise<void> {
  const file = join(dataDir, "tracking");
  const now = endpoint ?? POSTGRES;
  if (read(file) === now) return;
  await withClient(databaseUrl, (client) => client.query("select jobs.track_all()"));
  writeFileSync(file, now, { mode: 0o600 });
}

/** Where the jobs of the platform that runs on a data directory are, and the OpenSearch that tracks them, if one does. */
export function trackingOf(dataDir: string): { databaseUrl: string; endpoint: string | undefined } {
  const { databaseUrl }: PlatformFile = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8"));
  const store = read(join(dataDir, "tracking"));
  return { databaseUrl, endpoint: store === POSTGRES ? undefined : store };
}

/** The platform starts without its OpenSearch too: then only search is down. Answers what is wrong with it, in a line. */
export async function trackingProblem(endpoint: string): Promise<string | undefined> {
  const answer = await fetch(endpoint, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
  await answer?.body?.cancel();
  if (answer?.ok) return undefined;
  const what = answer === undefined ? "does not answer" : `answers ${answer.status}`;
  return `The OpenSearch at ${endpoint} ${what}: jobs run, but cannot be searched until it does.`;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return POSTGRES;
  }
}
