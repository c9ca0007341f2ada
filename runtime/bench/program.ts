import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, type Row, table } from "./report.ts";

const ROUNDS = 7;
const TIMEOUT_MINUTES = 10;
/** Programs that run in their own processes, because runtime/ does not import stacks/ or infra/. */
const TIME_PREVIEW = fileURLToPath(new URL("../../stacks/testing/timePreview.ts", import.meta.url));
const TIME_DISPATCHER_START = fileURLToPath(new URL("../../infra/testing/timeDispatcherStart.ts", import.meta.url));

/** Runs a program that takes each measurement ROUNDS times; returns the times of ours and of the empty peer. */
const timesOf = <T>(program: string): Record<"ours" | "empty", T[]> =>
  JSON.parse(
    execFileSync(process.execPath, [program, String(ROUNDS)], { encoding: "utf8", timeout: TIMEOUT_MINUTES * 60_000 }),
  );

/**
 * Compares the Pulumi program in a preview of dev (real engine, simulated providers) with an empty program that loads
 * the same @pulumi modules, and the start of the dispatcher's function with that of an empty handler. Needs the pulumi command
 * (stacks/testing/build.sh builds it).
 */
export async function benchProgram(): Promise<Row[]> {
  const { ours, empty } = timesOf<Record<"wall" | "processor", number>>(TIME_PREVIEW);
  const start = timesOf<number>(TIME_DISPATCHER_START);
  const row = (name: string, time: "wall" | "processor"): Row => ({
    name,
    ours: median(ours.map((times) => times[time])),
    peer: median(empty.map((times) => times[time])),
    unit: "ms",
    peerName: "an empty program with the same modules",
    higherIsBetter: false,
    target: 2,
  });
  return [
    row("the program in a preview of dev, from start to end", "wall"),
    row("the same, processor time of its process", "processor"),
    {
      name: "start of the dispatcher's function, processor time",
      ours: Math.min(...start.ours),
      peer: Math.min(...start.empty),
      unit: "ms",
      peerName: "an empty handler with the same SDK clients",
      higherIsBetter: false,
      target: 1.5,
    },
  ];
}

if (import.meta.main) console.log(table(await benchProgram()));
