import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { isDescendant, pids } from "./processes.ts";

/**
 * Cumulative counters: work of the database and processor time of running processes. Only differences are meaningful.
 */
export interface Counters {
  /** Committed transactions, including read-only ones. */
  commits: number;
  /** Assigned transaction ids: transactions and subtransactions that wrote. */
  writes: number;
  /** Row versions written by inserts and updates, per table. */
  rowVersions: Readonly<Record<string, number>>;
  /** Rows deleted. */
  deletes: number;
  /** Processor milliseconds per kind of process; empty except on Linux. */
  processor: Readonly<Record<string, number>>;
}

/** Idle backends report their statistics after ten seconds (PGSTAT_IDLE_INTERVAL, pgstat.c). */
const STATISTICS_DELAY_MS = 11_000;

/** Reads processor times immediately, and the other counters once every idle backend has reported its statistics. */
export async function takeCounters(admin: pg.Client): Promise<Counters> {
  const processor = processorTimes();
  await pause(STATISTICS_DELAY_MS);
  const { rows } = await admin.query(`
    select (select xact_commit::float8 from pg_stat_database where datname = current_database()) as commits,
      pg_snapshot_xmax(pg_current_snapshot())::text::float8 as writes,
      (select jsonb_object_agg(schemaname || '.' || relname, n_tup_ins + n_tup_upd) from pg_stat_user_tables) as versions,
      (select sum(n_tup_del)::float8 from pg_stat_user_tables) as deletes`);
  const [{ commits, writes, versions, deletes }] = rows;
  return { commits, writes, rowVersions: versions, deletes, processor };
}

/** Returns the differences between two readings, per job. Omits tables and kinds of processes below 0.005 per job. */
export function countersPerJob(before: Counters, after: Counters, jobs: number): Counters {
  const per = (later: Readonly<Record<string, number>>, earlier: Readonly<Record<string, number>>) =>
    Object.fromEntries(
      Object.entries(later)
        .map(([name, value]) => [name, (value - (earlier[name] ?? 0)) / jobs] as const)
        .filter(([, value]) => value >= 0.005)
        .sort(([, a], [, b]) => b - a),
    );
  return {
    commits: (after.commits - before.commits) / jobs,
    writes: (after.writes - before.writes) / jobs,
    rowVersions: per(after.rowVersions, before.rowVersions),
    deletes: (after.deletes - before.deletes) / jobs,
    processor: per(after.processor, before.processor),
  };
}

export const total = (values: Readonly<Record<string, number>>): number =>
  Object.values(values).reduce((sum, value) => sum + value, 0);

/** Processor milliseconds of this process and its descendants, by kind. Processes that have ended are not counted. */
function processorTimes(): Record<string, number> {
  const times: Record<string, number> = {};
  for (const pid of pids()) {
    try {
      const kind = isDescendant(pid) ? kindOf(pid, readFileSync(`/proc/${pid}/cmdline`, "utf8")) : undefined;
      if (kind !== undefined) times[kind] = (times[kind] ?? 0) + processorMs(pid);
    } catch {
      // The process has ended meanwhile.
    }
  }
  return times;
}

/** Clock ticks per second in /proc (USER_HZ): 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The command's name, in parentheses, may contain spaces and parentheses: the other fields follow the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** Kind of this process, which emulates AWS and sends the requests. */
export const CALLER = "the benchmark and the emulator";

const PROGRAMS: Readonly<Record<string, RegExp>> = {
  runner: /runtime\/runner\/main\.ts/,
  dispatcher: /local\/dispatcherHost\.ts/,
  API: /runtime\/api\/main\.ts/,
};

function kindOf(pid: number, command: string): string {
  // A process of the Postgres server has a title: "postgres: ROLE DATABASE HOST(PORT) STATE", or the name of a background process.
  const server = /^postgres: (?:(\S+) rates )?/.exec(command);
  if (server) return `backend ${server[1]?.replace(/_(glue|ec2)_\d+$/, "") ?? "of the server"}`;
  const program = Object.entries(PROGRAMS).find(([, pattern]) => pattern.test(command))?.[0];
  return program ?? (pid === process.pid ? CALLER : "others");
}
