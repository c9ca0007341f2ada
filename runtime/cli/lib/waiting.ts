import type { Waiting } from "../../monitoring/waiting.ts";
import type { Client } from "./apiClient.ts";

/** Why a job waits; undefined for one that does not wait any more. */
export async function waitingOf(client: Client, id: string, signal?: AbortSignal): Promise<Waiting | undefined> {
  const answer = await client.json<{ waiting?: Waiting }>("GET", client.job(id, "/waiting"), undefined, signal);
  return answer.waiting;
}
