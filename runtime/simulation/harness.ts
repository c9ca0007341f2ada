import { random } from "../../db/sample/random.ts";
import { jobDatabase } from "../testing/jobs.ts";
import { DedicatedClients, SharedClients } from "./clients.ts";
import { violatedGuarantees } from "./guarantees.ts";
import { Schedule } from "./schedule.ts";
import { SimulatedEnvironment } from "./simulatedEnvironment.ts";

/** A change to the source of a function in the schema `jobs`. */
export interface Sabotage {
  /** Name of the function, without its schema. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A database in which schedules run one after the other, each from an empty state. */
export interface Harness {
  /** Runs the schedule of a seed; returns the violated guarantees and the history of actions. */
  runSchedule(seed: number): Promise<{ violations: string[]; history: readonly string[] }>;
  /** Changes the source of a function, to check that the simulation detects the resulting violation. */
  sabotage(change: Sabotage): Promise<void>;
  close(): Promise<void>;
}

/** Difference between a schedule's seed and the seed of its random cancels. */
const CANCEL_SEED_OFFSET = 1_000_000_007;

/** Creates a harness: the platform's schema, with a clock that only schedules advance. */
export async function openHarness(): Promise<Harness> {
  const fixture = await jobDatabase();
  const { admin, database } = fixture;
  Object.assign(process.env, database.env);
  await admin.query(`
    create schema sim;
    create table sim.time (now timestamptz not null);
    insert into sim.time values ('2021-01-01T00:00:00Z');
    grant usage on schema sim to public;
    grant select on sim.time to public;
    create or replace function jobs.clock() returns timestamptz language sql volatile as 'select now from sim.time';
    insert into regions values ('north', 'North', null);
    insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
  const dispatchers = new SharedClients(database.urlAs("dispatcher"));
  const runs = new DedicatedClients((role) => database.urlAs(role));
  return {
    async runSchedule(seed) {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and usename <> 'dispatcher' and pid <> pg_backend_pid() and pid <> all ($1)`,
        [await runs.renew()],
      );
      // Statements of the previous schedule must not run in this one.
      await admin.query(
        `select pg_terminate_backend(pid, 10000) from pg_stat_activity
         where datname = current_database() and usename = 'dispatcher' and state <> 'idle'`,
      );
      await admin.query(`
        delete from jobs.answers; delete from jobs.reply_requests; delete from jobs.rejected; delete from jobs.rejected_days; delete from jobs.jobs; delete from jobs.runs; delete from jobs.sendings; delete from jobs.launches; delete from jobs.launch_targets; delete from jobs.request_rates; delete from prices;
        update jobs.runners set paused_until = null, pauses = 0;
        update sim.time set now = '2021-01-01T00:00:00Z'`);
      const pick = random(seed);
      const slots = { glue: 1 + Math.round(pick()), ec2: 1 + Math.floor(3 * pick()) };
      const environment = new SimulatedEnvironment(admin, dispatchers, runs, slots);
      try {
        const schedule = new Schedule(environment, pick, random(seed + CANCEL_SEED_OFFSET));
        await schedule.run();
        return { violations: await violatedGuarantees(schedule), history: schedule.history };
      } finally {
        environment.close();
      }
    },
    async sabotage({ name, from, to }) {
      const { rows } = await admin.query(
        "select pg_get_functiondef(oid) as source from pg_proc where pronamespace = 'jobs'::regnamespace and proname = $1",
        [name],
      );
      const source: string = rows[0].source;
      if (!source.includes(from)) throw new Error(`jobs.${name} has no '${from}'`);
      await admin.query(source.replace(from, to));
    },
    async close() {
      await Promise.all([dispatchers.close(), runs.close()]);
      await fixture.close();
    },
  };
}
