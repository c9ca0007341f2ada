import type { Waiting } from "../../monitoring/waiting.ts";
import type { Client } from "./apiClient.ts";

/** Returns the reason of a job's wait; undefined for a job that no longer waits. */
export async function waitingOf(client: Client, id: string, signal?: AbortSignal): Promise<Waiting | undefined> {
  const { waiting } = await client.json<{ waiting?: Waiting }>(
    "GET",
    client.jobPath(id, "/waiting"),
    undefined,
    signal,
  );
  return waiting;
}
