import childProcess from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { identify } from "../../local/processes.ts";
import { type CrashPointEvent, crashPoints } from "../../runner/crashPoints.ts";
import { type Fault, faultDirectories, type LaunchOutcome, OVERRUN_FILE, takeNext } from "./files.ts";

/**
 * Preloaded into the processes of API, dispatcher and runs (NODE_OPTIONS). In a run it checks whether more runs of its
 * type exist than slots (guarantee 4), and injects the next scheduled fault when the run reaches the fault's step. In
 * the dispatcher it breaks launches.
 */
const { SIMULATION_DIRECTORY: directory = "", SIMULATION_POSTGRES: cluster = "" } = process.env;
const optionValue = (option: string) => process.argv[process.argv.indexOf(option) + 1] ?? "";
if (directory !== "" && process.argv.includes("--run")) {
  countRuns(optionValue("--runner"));
  const fault = takeNext<Fault>(directory, "planned");
  if (fault) awaitStep(fault);
}
if (directory !== "" && process.argv[1]?.endsWith("dispatcherHost.ts")) breakLaunches();

/** Records this run, then counts the runs of its type. The last run to count sees all, as each is recorded first. */
function countRuns(runnerType: string): void {
  const { runs } = faultDirectories(directory);
  const { pid, startedAt } = identify(process.pid) ?? { pid: process.pid, startedAt: "" };
  writeFileSync(join(runs, `${runnerType}.${pid}.${startedAt}`), "");
  const alive = readdirSync(runs).filter((name) => {
    const [type, ownerPid, ownerStartedAt] = name.split(".");
    return type === runnerType && identify(Number(ownerPid))?.startedAt === ownerStartedAt;
  });
  const { slots } = JSON.parse(process.env.RATES_SETTINGS ?? "{}").runners[runnerType];
  if (alive.length > slots)
    appendFileSync(
      join(directory, OVERRUN_FILE),
      `${alive.length} ${runnerType} runs at once; the maximum is ${slots}\n`,
    );
}

/**
 * Applies the next scheduled outcome to each launch of a run: it succeeds, it is refused because the machine has no
 * capacity for another process, or it fails before or after it takes effect.
 */
function breakLaunches(): void {
  const { spawn } = childProcess;
  const faultySpawn = (command: string, args: readonly string[], options: childProcess.SpawnOptions) => {
    const outcome = args.includes("--run") ? takeNext<LaunchOutcome>(directory, "launches") : "go";
    if (outcome === "refuse") return spawn(join(directory, "no-such-program"), args, options);
    if (outcome === "fail before") throw new Error("the launch failed with an unknown outcome");
    const child = spawn(command, args, options);
    if (outcome === "fail after") throw new Error("the response of the launch was lost");
    return child;
  };
  childProcess.spawn = faultySpawn as typeof spawn;
  syncBuiltinESMExports();
}

function awaitStep({ step, action }: Fault): void {
  const listener = (message: unknown) => {
    if ((message as CrashPointEvent).point !== step) return;
    crashPoints.unsubscribe(listener);
    if (action !== "crash Postgres") process.kill(process.pid, action);
    // The run continues at once: its next statement reaches a server that is about to end.
    else process.kill(Number(readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n")[0]), "SIGQUIT");
  };
  crashPoints.subscribe(listener);
}
