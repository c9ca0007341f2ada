import { setTimeout as pause } from "node:timers/promises";
import type * as contract from "../../contract/document.ts";
import { reasonOf } from "../../contract/reason.ts";
import { type DocumentState, isTerminal } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";

/** Document of a job or, in a list, of a rejected request. */
export type JobDocument = Omit<contract.JobDocument, "status"> & { status: DocumentState; rejectedId?: string };

/** Time for which a lost connection is retried, from its first failure. */
const RECONNECT_TIMEOUT_MS = 60_000;
const RETRY_DELAY_MS = 500;

/**
 * Yields a job's document at each change, until the job ends. Reconnects if the stream ends early.
 * @throws CommandError if the job does not exist or the platform is unreachable. After the first document, a lost
 *   connection is retried for a minute.
 */
export async function* documents(client: Client, id: string, signal: AbortSignal): AsyncGenerator<JobDocument> {
  let hasDocument = false;
  let failingSince: number | undefined;
  for (;;) {
    try {
      for await (const document of stream(client, id, signal)) {
        hasDocument = true;
        // Each connection begins with the current document.
        failingSince = undefined;
        yield document;
        if (isTerminal(document.status)) return;
      }
    } catch (error) {
      const isPermanent = !(error instanceof CommandError) || !error.isTransient;
      failingSince ??= Date.now();
      if (signal.aborted || isPermanent || !hasDocument || Date.now() - failingSince > RECONNECT_TIMEOUT_MS)
        throw error;
    }
    await pause(RETRY_DELAY_MS, undefined, { signal });
  }
}

/** Yields the events of one connection (server-sent events, whose `data:` the API writes on one line). */
async function* stream(client: Client, id: string, signal: AbortSignal): AsyncGenerator<JobDocument> {
  const { body } = await client.fetch("GET", client.jobPath(id, "/events"), undefined, signal);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice("data:".length));
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new CommandError("unreachable", `The connection to ${client.base} was lost: ${reasonOf(error)}.`, {
      isTransient: true,
    });
  }
}
