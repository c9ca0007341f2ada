import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { RunnerType } from "../../contract/states.ts";
import { handleRequests } from "../../dispatcher/requests.ts";
import type { CrashPoint } from "../../runner/crashPoints.ts";
import { glueCatalog } from "../../runner/glue/catalog.ts";
import { sqsEvent, testDispatcher } from "../dispatcher.ts";

/** Creates a file with the catalog that a deployment stores beside the Glue runner. */
function catalogFile(): string {
  const file = join(tmpdir(), `rates-catalog-${process.pid}.json`);
  writeFileSync(file, glueCatalog());
  return file;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A runner process of a test. */
export interface RunnerProcess {
  child: ChildProcess;
  run: string;
  /** Resolves with the exit code or the signal. */
  exit: Promise<number | string>;
  output(): string;
}

/** A read of a test with SQL that is not checked. */
export interface UncheckedRead {
  requestId: string;
  task: { type: "read"; sql: string; format?: string; compression?: string };
  timeoutSeconds?: number;
}

/** Gives the jobs of requestUnchecked their SQL when they are inserted. */
const UNCHECKED_SQL = `
  create schema unchecked;
  create table unchecked.sql (request_id text, sql text);
  create function unchecked.set_sql() returns trigger language plpgsql security definer as $$ begin
    new.sql := coalesce((select u.sql from unchecked.sql u where u.request_id = new.request_id), new.sql);
    return new;
  end $$;
  create trigger unchecked before insert on jobs.jobs for each row execute function unchecked.set_sql()`;

/**
 * Creates a small platform: a real dispatcher with its own database and queues, whose runs a test starts as real runner
 * processes, optionally with a fault.
 */
export async function testPlatform(settings: Record<string, object> = {}) {
  const dispatcher = await testDispatcher({
    runners: { glue: { slots: 2, idleSeconds: 0 }, ec2: { slots: 2, idleSeconds: 0 } },
    ...settings,
    jobs: { leaseSeconds: 1, rawSql: true, ...settings.jobs },
  });
  await dispatcher.admin.query(`
    insert into regions values ('north', 'North', null);
    insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
  await dispatcher.admin.query(UNCHECKED_SQL);
  const processes: RunnerProcess[] = [];

  /** @param python - Starts the Glue runner with this Python, in place of the TypeScript runner. */
  const start = (
    run: string,
    runnerType: RunnerType,
    fault?: { step: CrashPoint; signal: NodeJS.Signals },
    python?: string,
  ): RunnerProcess => {
    const program = python
      ? [here("../../runner/glue/runner.py"), "--catalog", catalogFile()]
      : ["--expose-gc", ...(fault ? ["--import", here("../../runner/crashAt.ts")] : []), here("../../runner/main.ts")];
    const child = spawn(python ?? process.execPath, [...program, "--run", run, "--runner", runnerType], {
      env: {
        ...process.env,
        ...dispatcher.cloud.env,
        ...dispatcher.database.env,
        RATES_SETTINGS: JSON.stringify(dispatcher.context.settings),
        ...(fault ? { FAULT_STEP: fault.step, FAULT_SIGNAL: fault.signal } : {}),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.stderr.on("data", (chunk) => {
      text += chunk;
    });
    const runnerProcess = {
      child,
      run,
      exit: once(child, "exit").then(([code, signal]) => code ?? signal),
      output: () => text,
    };
    processes.push(runnerProcess);
    return runnerProcess;
  };

  const document = async (requestId: string) =>
    (await dispatcher.admin.query("select document from jobs.documents where request_id = $1", [requestId])).rows[0]
      ?.document;

  return {
    ...dispatcher,
    start,
    document,
    /** Sends requests as the queue would. */
    request: (...bodies: object[]) => handleRequests(dispatcher.context, sqsEvent(...bodies)),
    /**
     * Sends a read whose SQL would be refused on acceptance, to test what the runner and the database do with it
     * themselves.
     */
    async requestUnchecked(body: UncheckedRead) {
      const { sql, ...task } = body.task;
      await dispatcher.admin.query("insert into unchecked.sql values ($1, $2)", [body.requestId, sql]);
      return handleRequests(dispatcher.context, sqsEvent({ ...body, task: { ...task, sql: "select 1" } }));
    },
    /** Starts a process for each run that the dispatcher has started since the last call. */
    startRuns(
      runnerType: RunnerType,
      fault?: { step: CrashPoint; signal: NodeJS.Signals },
      python?: string,
    ): RunnerProcess[] {
      return dispatcher.launcher.started.splice(0).map((run) => start(run, runnerType, fault, python));
    },
    /** Waits until a condition holds; after the given time it fails with the runners' output. */
    async until(description: string, condition: () => Promise<boolean>, seconds = 20): Promise<void> {
      const deadline = Date.now() + seconds * 1000;
      while (!(await condition())) {
        if (Date.now() > deadline)
          throw new Error(
            `${description}: not within ${seconds} s\n${processes.map(({ output }) => output()).join("\n")}`,
          );
        await pause(20);
      }
    },
    /** Returns true if a process is stopped by SIGSTOP (Linux). */
    isStopped: (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("T") ?? false,
    async close() {
      for (const { child } of processes) child.kill("SIGKILL");
      await dispatcher.close();
    },
  };
}
