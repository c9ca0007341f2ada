import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Addresses of a running platform for people and programs on this machine: `<data-dir>/platform.json` (mode 600). It is
 * written once all components respond, and removed when the platform stops. A killed platform leaves it until the next
 * start.
 */
export interface PlatformFile {
  /** Base URL of the HTTP API, without a trailing slash. */
  api: string;
  /** A token with all scopes, for `authorization: Bearer …`. */
  token: string;
  sqsEndpoint: string;
  s3Endpoint: string;
  region: string;
  requestQueueUrl: string;
  responseQueueUrl: string;
  deadLetterQueueUrl: string;
  resultsBucket: string;
  /** Bucket of the files that updates load from S3. */
  uploadsBucket: string;
  /** URL for the superuser, including the password. */
  databaseUrl: string;
  dashboard: string;
  /** Stack whose capacity it uses. */
  stack: string;
}

const file = (dataDir: string) => join(dataDir, "platform.json");

/** Writes the file atomically. */
export function writePlatformFile(dataDir: string, content: PlatformFile): void {
  const unfinished = `${file(dataDir)}.new`;
  writeFileSync(unfinished, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file(dataDir));
}

export function removePlatformFile(dataDir: string): void {
  rmSync(file(dataDir), { force: true });
}
