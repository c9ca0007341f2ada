import { setTimeout as pause } from "node:timers/promises";
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { untilTracked } from "./jobs.ts";
import { type BenchPlatform, request } from "./platform.ts";
import { descendants, openHandles, residentBytes } from "./processes.ts";
import { median, type Row } from "./report.ts";

/** Number of jobs that are sent in one call, and the pause between calls. */
const BATCH = 10;
const PAUSE_MS = 500;
const SAMPLE_MS = 1_000;
/** Interval at which a process of the platform is killed. */
const FAULT_MS = 15_000;
/** Time limit of the jobs that are unfinished at the end: several leases, since a runner may have been killed then. */
const LAST_MS = 180_000;
/** Maximum ratio of the last third to the middle third. */
const MAX_RATIO = 1.25;

/** Command lines of the processes that are killed in turn; the platform replaces each of them. */
const KILLED: readonly RegExp[] = [
  /runtime\/runner\/main\.ts/,
  /local\/dispatcherHost\.ts/,
  /runtime\/runner\/main\.ts/,
  /runtime\/api\/main\.ts/,
];
const WATCHED_PROCESSES = /runtime\/(runner\/main|api\/main)\.ts|local\/dispatcherHost\.ts/;

interface Sample {
  bytes: number;
  handles: number;
  connections: number;
}

/**
 * Runs mixed jobs for the given seconds, while the platform's processes are killed in turn. Compares memory, open files
 * and connections of the last third of the time with those of the middle third.
 *
 * @throws Error if a job gets no response or another status than expected, or an update is not applied exactly once
 */
export async function benchSoak(platform: BenchPlatform, seconds: number): Promise<Row[]> {
  const { sqs, file, admin } = platform;
  await admin.query("insert into regions values ('soak', 'Soak', null)");
  await admin.query("insert into ports values ('SOAKA', 'Soak A', 'soak'), ('SOAKB', 'Soak B', 'soak')");
  const awaited = new Map<string, "SUCCEEDED" | "FAILED">();
  const unexpected: string[] = [];
  const samples: Sample[] = [];
  const endsAt = performance.now() + seconds * 1000;
  const isOver = () => performance.now() >= endsAt;
  let sent = 0;
  let updates = 0;
  let faults = 0;
  let kills = 0;
  const deadline = endsAt + LAST_MS;

  const send = async () => {
    for (; !isOver(); await pause(PAUSE_MS)) {
      const jobs = Array.from({ length: BATCH }, (_, index) => job(sent + index));
      for (const { body, status } of jobs) awaited.set((body as { requestId: string }).requestId, status);
      updates += jobs.filter(({ isUpdate }) => isUpdate).length;
      sent += BATCH;
      const Entries = jobs.map(({ body }, index) => ({ Id: String(index), MessageBody: JSON.stringify(body) }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: file.requestQueueUrl, Entries }));
    }
  };
  const receive = async () => {
    while (!isOver() || (awaited.size > 0 && performance.now() < deadline)) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: file.responseQueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      if (Messages.length === 0) continue;
      for (const { Body = "{}" } of Messages) {
        const { requestId, status, error } = JSON.parse(Body);
        // A response may arrive twice (at-least-once delivery); the second time it is no longer awaited.
        const expected = awaited.get(requestId);
        if (expected !== undefined && expected !== status)
          unexpected.push(`${requestId}: ${status} ${error?.message ?? ""}`);
        awaited.delete(requestId);
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: file.responseQueueUrl, Entries }));
    }
  };
  const watch = async () => {
    for (; !isOver(); await pause(SAMPLE_MS))
      samples.push({ ...resources(), connections: await connections(platform) });
  };
  const kill = async () => {
    for (let next = performance.now() + FAULT_MS; !isOver(); await pause(200)) {
      if (performance.now() < next) continue;
      next += FAULT_MS;
      const pattern = KILLED[faults++ % KILLED.length] as RegExp;
      const [pid] = descendants(pattern);
      if (pid === undefined) continue;
      process.kill(pid, "SIGKILL");
      kills++;
    }
  };
  await Promise.all([send(), receive(), watch(), kill()]);
  await untilTracked(platform);
  const { rows } = await admin.query("select count(*)::int as written from prices where orig_code = 'SOAKA'");
  if (awaited.size > 0)
    throw new Error(`${awaited.size} of ${sent} jobs got no response: ${[...awaited.keys()].slice(0, 5)}`);
  if (unexpected.length > 0)
    throw new Error(
      `${unexpected.length} of ${sent} jobs ended with another status: ${unexpected.slice(0, 5).join("; ")}`,
    );
  if (rows[0].written !== updates) throw new Error(`${updates} updates wrote ${rows[0].written} rows, not one each`);

  const third = Math.floor(samples.length / 3);
  const row = (name: string, unit: string, value: (sample: Sample) => number): Row => ({
    name: `  ${name}, last third of the time`,
    ours: median(samples.slice(2 * third).map(value)),
    peer: median(samples.slice(third, 2 * third).map(value)),
    peerName: "middle third",
    unit,
    higherIsBetter: false,
    target: MAX_RATIO,
    isRequired: true,
  });
  return [
    {
      ...row("memory of all processes", "MB", ({ bytes }) => bytes / 1e6),
      note: `${sent} jobs in ${seconds} s, ${kills} processes killed; each job got the expected response, each update applied once`,
    },
    row("open files", "", ({ handles }) => handles),
    row("connections", "", (sample) => sample.connections),
  ];
}

/** Returns a job of the mix: a read, an update of one row, or a read that fails. */
function job(index: number): { body: object; status: "SUCCEEDED" | "FAILED"; isUpdate: boolean } {
  if (index % 5 === 3) {
    const items = [{ orig_code: "SOAKA", dest_code: "SOAKB", day: "2031-01-01", price: 1 + (index % 1000) }];
    const body = request({ type: "update", target: "prices", source: { inline: items } });
    return { body, status: "SUCCEEDED", isUpdate: true };
  }
  const fails = index % 10 === 9;
  const sql = fails ? "select 1 / (1 - count(*)) from ports where code = 'SOAKA'" : "select count(*) from ports";
  return {
    body: request({ type: "read", sql, format: "json" }),
    status: fails ? "FAILED" : "SUCCEEDED",
    isUpdate: false,
  };
}

function resources(): Omit<Sample, "connections"> {
  const watched = descendants(WATCHED_PROCESSES);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return { bytes: sum(watched.map(residentBytes)), handles: sum(watched.map(openHandles)) };
}

async function connections({ admin }: BenchPlatform): Promise<number> {
  const { rows } = await admin.query(
    "select count(*)::int as open from pg_stat_activity where backend_type = 'client backend'",
  );
  return rows[0].open;
}
