import { setTimeout as pause } from "node:timers/promises";
import type * as contract from "../../contract/document.ts";
import { reasonOf } from "../../contract/reason.ts";
import { type DocumentState, isTerminal } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";

/** Document of a job or, in a list, of a rejected request. */
export type JobDocument = Omit<contract.JobDocument, "status"> & { status: DocumentState; rejectedId?: string };

/** Maximum wait for a platform that restarts. */
const RECONNECT_TIMEOUT_MS = 60_000;
const RETRY_DELAY_MS = 500;

/**
 * Yields a job's document at each change, until the job ends. Reconnects if the stream ends early.
 * @throws CommandError if there is no such job, or the platform is unreachable (after a document: for a minute)
 */
export async function* documents(client: Client, id: string, signal: AbortSignal): AsyncGenerator<JobDocument> {
  let lastEventAt: number | undefined;
  for (;;) {
    try {
      for await (const document of stream(client, id, signal)) {
        lastEventAt = Date.now();
        yield document;
        if (isTerminal(document.status)) return;
      }
    } catch (error) {
      const lasting = !(error instanceof CommandError) || !error.isTransient;
      if (signal.aborted || lasting || lastEventAt === undefined || Date.now() - lastEventAt > RECONNECT_TIMEOUT_MS)
        throw error;
    }
    await pause(RETRY_DELAY_MS, undefined, { signal });
  }
}

/** Yields the events of one connection (server-sent events as the API writes them: `data:` in one line). */
async function* stream(client: Client, id: string, signal: AbortSignal): AsyncGenerator<JobDocument> {
  const { body } = await client.fetch("GET", client.job(id, "/events"), undefined, signal);
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
