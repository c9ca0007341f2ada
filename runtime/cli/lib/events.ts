import { setTimeout as pause } from "node:timers/promises";
import type * as contract from "../../contract/document.ts";
import { type DocumentState, isTerminal } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import { CommandError, reasonOf } from "./exits.ts";

/** A job's document, or in a list that of a rejected request. */
export type JobDocument = Omit<contract.JobDocument, "status"> & { status: DocumentState; rejectedId?: string };

/** A platform that restarts is waited for this long, without a word from it. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 500;

/**
 * A job's documents as they change, to the last. The job outlives servers and connections, and so does this: a stream
 * that ends early is taken up again.
 * @throws CommandError if there is no such job, or the platform cannot be reached (later on: for a minute)
 */
export async function* documents(client: Client, id: string, signal: AbortSignal): AsyncGenerator<JobDocument> {
  let heard: number | undefined;
  for (;;) {
    try {
      for await (const document of stream(client, id, signal)) {
        heard = Date.now();
        yield document;
        if (isTerminal(document.status)) return;
      }
    } catch (error) {
      const lasting = !(error instanceof CommandError) || !error.passing;
      if (signal.aborted || lasting || heard === undefined || Date.now() - heard > PATIENCE_MS) throw error;
    }
    await pause(AGAIN_MS, undefined, { signal });
  }
}

/** The events of one connection (the event stream of HTML, as far as the API uses it: `data:` in one line). */
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
    throw new CommandError("unreachable", `${client.base} broke off: ${reasonOf(error)}.`, { passing: true });
  }
}
