import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, type Row, table } from "./report.ts";

const ROUNDS = 7;
const MINUTES = 10;
/** In a process of its own: nothing of the runtime knows of the stacks. */
const TIME_PREVIEW = fileURLToPath(new URL("../../stacks/testing/timePreview.ts", import.meta.url));

/**
 * The Pulumi program's process in a preview of dev by the real engine, over stand-in providers, beside that of an empty
 * program which loads the same modules of @pulumi. Needs the pulumi command (stacks/testing/build.sh builds it).
 */
export async function benchProgram(): Promise<Row[]> {
  const printed = execFileSync(process.execPath, [TIME_PREVIEW, String(ROUNDS)], {
    encoding: "utf8",
    timeout: MINUTES * 60_000,
  });
  const { ours, empty }: Record<"ours" | "empty", Record<"wall" | "processor", number>[]> = JSON.parse(printed);
  const row = (what: string, of: "wall" | "processor"): Row => ({
    what,
    ours: median(ours.map((times) => times[of])),
    peer: median(empty.map((times) => times[of])),
    unit: "ms",
    peerName: "an empty program with the same modules",
    higherIsBetter: false,
    aim: 2,
  });
  return [
    row("the program in a preview of dev, from start to end", "wall"),
    row("the same, processor time of its own", "processor"),
  ];
}

if (import.meta.main) console.log(table(await benchProgram()));
