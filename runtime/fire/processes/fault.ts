import { appendFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type StepEvent, steps } from "../../jobs/steps.ts";
import { identify } from "../../local/processes.ts";
import { type Fault, faultDirectories, OVER } from "./files.ts";

/**
 * Loaded into every process of the dispatcher and of the runners (NODE_OPTIONS). In a run it does two things: looks whether
 * more runs of its kind live than there are slots (promise 4), and takes the next fault that the schedule has laid out, which
 * comes true when the run passes the fault's step.
 */
const { FIRE_DIRECTORY: directory = "", FIRE_POSTGRES: cluster = "" } = process.env;
const after = (option: string) => process.argv[process.argv.indexOf(option) + 1] ?? "";
if (directory !== "" && process.argv.includes("--run")) {
  countRuns(after("--runner"));
  const fault = nextFault();
  if (fault) awaitStep(fault);
}

/** Who looks last sees everybody: each is on the list before it looks. */
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
    appendFileSync(join(directory, OVER), `${alive.length} ${kind} runs at once, where ${slots} may be\n`);
}

function nextFault(): Fault | undefined {
  const { planned, taken } = faultDirectories(directory);
  for (const name of readdirSync(planned).sort()) {
    const mine = join(taken, `${name}.${process.pid}`);
    try {
      renameSync(join(planned, name), mine);
    } catch {
      continue; // Another run was faster.
    }
    return JSON.parse(readFileSync(mine, "utf8"));
  }
  return undefined;
}

function awaitStep({ step, action }: Fault): void {
  const listener = (message: unknown) => {
    if ((message as StepEvent).step !== step) return;
    steps.unsubscribe(listener);
    if (action !== "crash Postgres") process.kill(process.pid, action);
    // The run goes on at once: its next statement meets a server that is about to vanish.
    else process.kill(Number(readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n")[0]), "SIGQUIT");
  };
  steps.subscribe(listener);
}
