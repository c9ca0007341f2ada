import { setTimeout as pause } from "node:timers/promises";
import { isTerminal } from "../../contract/states.ts";
import type { Client } from "./apiClient.ts";
import { documents, type JobDocument } from "./events.ts";
import { interruptible } from "./interrupt.ts";
import { ProgressLine } from "./progress.ts";
import { cloudLog, localLog, logLines, logText, RunLog } from "./runLog.ts";
import { colourState, dim, durationText, plain, print, printInfo } from "./screen.ts";
import { progressText } from "./watch.ts";

/** Interval between reads of a run's log, in milliseconds. */
const POLL_MS = 250;
/** Time after a job's end in which its run may log that it sent the response, in milliseconds. */
const FINAL_LOG_WAIT_MS = 1_500;

/** Options of `tail`. */
export interface TailOptions {
  /** Follow the job until it ends. */
  follow: boolean;
  /** AWS region of the logs of a deployed platform. */
  region?: string | undefined;
  /** Receives raw lines of the runner's log. @default prints them formatted */
  collect?: ((line: string) => void) | undefined;
}

/**
 * Prints a job's history and log. With `follow`, also prints progress, until the job ends.
 * @returns its last document
 */
export async function tail(client: Client, id: string, options: TailOptions): Promise<JobDocument> {
  const line = new ProgressLine();
  const printer = new JobPrinter(line, options, client.isLocal);
  try {
    return await interruptible(
      async (signal) => {
        if (!options.follow) {
          const document = await client.json<JobDocument>("GET", client.jobPath(id), undefined, signal);
          await printer.update(document);
          return document;
        }
        const ended = new AbortController();
        const polling = printer.pollLogs(AbortSignal.any([signal, ended.signal]));
        try {
          let last: JobDocument | undefined;
          for await (const document of documents(client, id, signal)) {
            last = document;
            await printer.update(document);
            if (!isTerminal(document.status) && document.progress.bytes > 0)
              line.update(progressText(document, undefined), document.status);
          }
          if (last === undefined) throw new Error(`${id} has no document`);
          await printer.waitForFinalLog(signal);
          return last;
        } finally {
          ended.abort();
          await polling;
        }
      },
      () => `Stopped following ${id}; the job keeps running. ${client.hint("tail", id)} follows it again.`,
    );
  } finally {
    line.end();
    await printer.close();
  }
}

/** Prints a job's states, attempts and log lines, each once. */
class JobPrinter {
  readonly #line: ProgressLine;
  readonly #options: TailOptions;
  readonly #isLocal: boolean;
  readonly #logs: (RunLog | undefined)[] = [];
  #document: JobDocument | undefined;
  #printedStates = 0;
  #hasFinalLine = false;
  #polling: Promise<void> = Promise.resolve();

  constructor(line: ProgressLine, options: TailOptions, isLocal: boolean) {
    this.#line = line;
    this.#options = options;
    this.#isLocal = isLocal;
  }

  /** Prints the parts of a newer document that were not printed yet. */
  async update(document: JobDocument): Promise<void> {
    this.#document = document;
    const from = Date.parse(document.createdAt);
    // Print a run's log lines before the state that they led to.
    await this.pollOnce();
    for (const { status, at } of document.statusHistory.slice(this.#printedStates))
      this.#print(
        `${dim(at.slice(11, 23))} ${colourState(status)} ${dim(`after ${durationText(Date.parse(at) - from)}`)}`,
      );
    this.#printedStates = document.statusHistory.length;
    for (const [index, attempt] of document.attempts.entries()) {
      if (index < this.#logs.length) continue;
      const file = this.#isLocal ? localLog(attempt) : undefined;
      this.#logs.push(file === undefined ? undefined : new RunLog(file, document.requestId));
      this.#print(
        dim(`attempt ${index + 1}: ${attempt.runner} run ${attempt.runId}${file === undefined ? "" : `, ${file}`}`),
      );
      const log = file === undefined ? cloudLog(attempt, this.#options.region) : undefined;
      if (log !== undefined) for (const line of logLines(log)) this.#print(`  ${plain(line)}`);
    }
    await this.pollOnce();
  }

  /** Prints new log lines until the signal aborts. */
  async pollLogs(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.pollOnce();
      await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Polls the logs after the current poll has ended, so that no line is printed twice. */
  pollOnce(): Promise<void> {
    this.#polling = this.#polling.then(() => this.#printNewLines());
    return this.#polling;
  }

  async #printNewLines(): Promise<void> {
    for (const [index, log] of this.#logs.entries()) {
      const attempt = this.#document?.attempts[index];
      if (!log || !attempt) continue;
      for (const line of await log.lines(attempt)) {
        if (line.includes('"response sent"')) this.#hasFinalLine = true;
        if (this.#options.collect) this.#options.collect(line);
        else {
          this.#line.end();
          print(logText(line, process.stdout));
        }
      }
    }
  }

  /** Waits for the final log line of the last run, for a limited time because a killed run writes none. */
  async waitForFinalLog(signal: AbortSignal): Promise<void> {
    if (this.#logs.at(-1) === undefined) return;
    const until = Date.now() + FINAL_LOG_WAIT_MS;
    while (!this.#hasFinalLine && Date.now() < until) {
      await pause(POLL_MS / 5, undefined, { signal });
      await this.pollOnce();
    }
  }

  #print(text: string): void {
    this.#line.end();
    printInfo(text);
  }

  async close(): Promise<void> {
    await this.#polling;
    await Promise.all(this.#logs.map((log) => log?.close()));
  }
}
