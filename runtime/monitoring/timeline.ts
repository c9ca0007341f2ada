import type { Database } from "../store/jobs.ts";

/** Phases of a job, in order; a retry returns the job to `waiting`. */
export const PHASES = ["waiting", "starting", "running", "responding"] as const;

/** Period in which a job is in a phase. */
export interface Phase {
  phase: (typeof PHASES)[number];
  from: string;
  /** Missing while the phase lasts. */
  to?: string;
  /** Number of the attempt, from 1; only for `starting` and `running`. */
  attempt?: number;
  /** Runner type; only for `starting` and `running`. */
  runner?: string;
  /** Outcome of the attempt; only for `running`. */
  outcome?: string;
}

/** Fields of a document from which the phases are computed. */
export interface TimelineSource {
  createdAt: string;
  finishedAt?: string;
  response?: { sentAt?: string };
  attempts: { runner: string; runId?: string; startedAt: string; endedAt?: string; outcome?: string }[];
}

/**
 * Returns the phases of a job so far. The phase `starting` lasts from the launch of the run that claims the job to the
 * claim; if the run was launched before the job began to wait, there is no such phase.
 * @param launched launch time (ISO) by run id
 */
export function phasesOf(job: TimelineSource, launched: ReadonlyMap<string, string>): Phase[] {
  const phases: Phase[] = [];
  let since = job.createdAt;
  job.attempts.forEach(({ runner, runId, startedAt, endedAt, outcome }, index) => {
    const attempt = index + 1;
    const launch = runId === undefined ? undefined : launched.get(runId);
    const launchedAt = launch !== undefined && launch > since && launch < startedAt ? launch : undefined;
    if (since < (launchedAt ?? startedAt)) phases.push({ phase: "waiting", from: since, to: launchedAt ?? startedAt });
    if (launchedAt !== undefined) phases.push({ phase: "starting", from: launchedAt, to: startedAt, attempt, runner });
    const end = endedAt ?? job.finishedAt;
    phases.push({
      phase: "running",
      from: startedAt,
      ...(end === undefined ? {} : { to: end }),
      attempt,
      runner,
      ...(outcome === undefined ? {} : { outcome }),
    });
    since = end ?? since;
  });
  const isRunning = phases.at(-1)?.phase === "running" && phases.at(-1)?.to === undefined;
  if (!isRunning && since !== job.finishedAt)
    phases.push({ phase: "waiting", from: since, ...(job.finishedAt === undefined ? {} : { to: job.finishedAt }) });
  if (job.finishedAt !== undefined) {
    const sentAt = job.response?.sentAt;
    phases.push({ phase: "responding", from: job.finishedAt, ...(sentAt === undefined ? {} : { to: sentAt }) });
  }
  return phases;
}

/** Reads the launch times of a job's runs, by run id. Requires the role `api_reader`. */
export async function launchesOf(db: Database, { attempts }: TimelineSource): Promise<Map<string, string>> {
  const runs = attempts.flatMap(({ runId }) => runId ?? []);
  if (runs.length === 0) return new Map();
  const { rows } = await db.query("select id, jobs.iso(created_at) as at from jobs.runs where id = any ($1)", [runs]);
  return new Map(rows.map(({ id, at }) => [id, at]));
}
