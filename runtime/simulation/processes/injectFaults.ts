import childProcess from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { identify } from "../../local/processes.ts";
import { type CrashPointEvent, crashPoints } from "../../runner/crashPoints.ts";
import { type Fault, faultDirectories, type LaunchOutcome, OVERRUN_FILE, takeNext } from "./files.ts";

/**
 * Loaded into every process of the dispatcher and of the runners (NODE_OPTIONS). In a run it does two things: looks whether
 * more runs of its kind live than there are slots (guarantee 4), and takes the next fault that the schedule has laid out, which
 * comes true when the run passes the fault's step. In the dispatcher it breaks launches.
 */
const { SIMULATION_DIRECTORY: directory = "", SIMULATION_POSTGRES: cluster = "" } = process.env;
const after = (option: string) => process.argv[process.argv.indexOf(option) + 1] ?? "";
if (directory !== "" && process.argv.includes("--run")) {
  countRuns(after("--runner"));
  const fault = takeNext<Fault>(directory, "planned");
  if (fault) awaitStep(fault);
}
if (directory !== "" && process.argv[1]?.endsWith("dispatcherHost.ts")) breakLaunches();

/** The last one to look sees all runs: each is on the list before it looks. */
function countRuns(kind: string): void {
  const { runs } = faultDirectories(directory);
  const { pid, startedAt } = identify(process.pid) ?? { pid: process.pid, startedAt: "" };
  writeFileSync(join(runs, `${kind}.${pid}.${startedAt}`), "");
  const alive = readdirSync(runs).filter((name) => {
    const [other, itsPid, itsStart] = name.split(".");
    return other === kind && identify(Number(itsPid))?.startedAt === itsStart;
  });
  const { slots } = JSON.parse(process.env.RATES_SETTINGS ?? "{}").runners[kind];
  if (alive.length > slots)
    appendFileSync(join(directory, OVERRUN_FILE), `${alive.length} ${kind} runs at once, where ${slots} may be\n`);
}

/**
 * The machine has no room for another process, or the answer of a launch is lost before or after it took effect: the next
 * fate that the schedule has laid out comes true at the next start of a run.
 */
function breakLaunches(): void {
  const { spawn } = childProcess;
  const broken = (command: string, args: readonly string[], options: childProcess.SpawnOptions) => {
    const fate = args.includes("--run") ? takeNext<LaunchOutcome>(directory, "launches") : "go";
    if (fate === "refuse") return spawn(join(directory, "no-such-program"), args, options);
    if (fate === "fail before") throw new Error("the launch failed with an unknown outcome");
    const child = spawn(command, args, options);
    if (fate === "fail after") throw new Error("the answer of the launch was lost");
    return child;
  };
  childProcess.spawn = broken as typeof spawn;
  syncBuiltinESMExports();
}

function awaitStep({ step, action }: Fault): void {
  const listener = (message: unknown) => {
    if ((message as CrashPointEvent).point !== step) return;
    crashPoints.unsubscribe(listener);
    if (action !== "crash Postgres") process.kill(process.pid, action);
    // The run continues at once: its next statement meets a server that is about to vanish.
    else process.kill(Number(readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n")[0]), "SIGQUIT");
  };
  crashPoints.subscribe(listener);
}
