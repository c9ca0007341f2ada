import { setTimeout as pause } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { Client } from "../lib/apiClient.ts";
import { type CliContext, clientOf, seconds } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { interruptible } from "../lib/interrupt.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
import { dim, print, printInfo, width } from "../lib/screen.ts";
import { truncateToWidth } from "../lib/table.ts";
import type { Snapshot } from "../lib/topSnapshot.ts";
import { visibleJson } from "../lib/visible.ts";

/** Default interval between snapshots. A snapshot takes five or six requests. */
const DEFAULT_SECONDS = 2;
const MIN_SECONDS = 0.2;

const parseInterval = (value: string): number => {
  const number = seconds(value);
  if (number < MIN_SECONDS) throw new InvalidArgumentError(`It must be at least ${MIN_SECONDS}.`);
  return number;
};

const SNAPSHOT_FIELDS: Fields<Snapshot> = {
  at: (snapshot) => snapshot.at,
  bottleneck: (snapshot) => snapshot.bottleneck,
  capacity: (snapshot) => snapshot.capacity,
  byStatus: (snapshot) => snapshot.byStatus,
  percentiles: (snapshot) => snapshot.percentiles,
  ended: (snapshot) => snapshot.ended,
  oldest: (snapshot) => snapshot.oldest,
  waiting: (snapshot) => snapshot.waiting,
  running: (snapshot) => snapshot.running,
  slowest: (snapshot) => snapshot.slowest,
};

/** `rates top`: shows the state of the platform, redrawn in place on a terminal, otherwise as a line per snapshot. */
export function topCommand({ program }: CliContext): void {
  const top = examples(
    program.command("top"),
    "rates top   # q or Ctrl-C quits",
    "rates top --once   # one snapshot, for scripts",
    "rates top --interval 30 >> platform.log   # a line every half minute",
    "rates top --once --json bottleneck,capacity",
  );
  jsonFields(top, SNAPSHOT_FIELDS)
    .description("Watch the platform: jobs by state, runs and capacity, the bottleneck, running and slow jobs")
    .option("--once", "print once and exit")
    .option("--interval <seconds>", "seconds between snapshots", parseInterval, DEFAULT_SECONDS)
    .action(async ({ once, interval: intervalSeconds }: { once?: boolean; interval: number }, command: Command) => {
      const { client, json } = clientOf(command);
      if (once) {
        const { takeSnapshot } = await import("../lib/topSnapshot.ts");
        const snapshot = await takeSnapshot(client);
        if (json) return printRecords(command, SNAPSHOT_FIELDS, snapshot, snapshot);
        const { snapshotLines } = await import("../lib/topView.ts");
        const frame = { columns: width(process.stdout), lines: Number.POSITIVE_INFINITY, stream: process.stdout };
        return print(snapshotLines(snapshot, frame).join("\n"));
      }
      if (typeof command.optsWithGlobals().json === "string" && command.optsWithGlobals().json !== "*")
        throw new CommandError("invalid", "--json FIELDS requires --once.");
      if (json || !process.stdout.isTTY) return printLines(client, intervalSeconds, json);
      return drawInPlace(client, intervalSeconds);
    });
}

/** Takes snapshots until the signal aborts. After a transient error, shows the previous snapshot with the error. */
async function watchSnapshots(
  client: Client,
  intervalSeconds: number,
  signal: AbortSignal,
  show: (snapshot: Snapshot | undefined, problem: string | undefined) => void,
): Promise<void> {
  const { takeSnapshot } = await import("../lib/topSnapshot.ts");
  let last: Snapshot | undefined;
  while (!signal.aborted) {
    try {
      last = await takeSnapshot(client, signal);
      show(last, undefined);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CommandError && error.isTransient) || last === undefined) throw error;
      show(last, error.message.split("\n")[0]);
    }
    await pause(intervalSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}

async function printLines(client: Client, intervalSeconds: number, json: boolean): Promise<void> {
  const { snapshotLine } = await import("../lib/topView.ts");
  await interruptible(
    (signal) =>
      watchSnapshots(client, intervalSeconds, signal, (snapshot, problem) => {
        if (problem !== undefined) printInfo(problem);
        else if (snapshot) print(json ? visibleJson(snapshot) : snapshotLine(snapshot));
      }),
    () => "Stopped.",
  );
}

async function drawInPlace(client: Client, intervalSeconds: number): Promise<void> {
  const [{ snapshotLines }, { LiveScreen }] = await Promise.all([
    import("../lib/topView.ts"),
    import("../lib/liveScreen.ts"),
  ]);
  const { stdout, stdin } = process;
  const quit = new AbortController();
  let latest: { snapshot: Snapshot; problem: string | undefined } | undefined;
  const screen = new LiveScreen({ out: stdout, keys: stdin }, () => quit.abort());
  const draw = () => {
    if (!latest) return;
    const { snapshot, problem } = latest;
    const title = `rates top  ${client.base}  ${snapshot.at.slice(11, 19)} UTC  q quits`;
    const head = truncateToWidth(
      problem === undefined ? dim(title, stdout) : `${problem} Trying again.`,
      stdout.columns,
    );
    const frame = { columns: stdout.columns, lines: stdout.rows - 1, stream: stdout };
    screen.draw([head, ...snapshotLines(snapshot, frame)]);
  };
  // Redraw the latest snapshot when the window is resized, since the next one may take long.
  stdout.on("resize", draw);
  screen.open();
  try {
    await interruptible(
      (signal) =>
        watchSnapshots(client, intervalSeconds, AbortSignal.any([signal, quit.signal]), (snapshot, problem) => {
          if (snapshot) latest = { snapshot, problem };
          draw();
        }),
      () => "Stopped.",
    );
  } finally {
    stdout.off("resize", draw);
    screen.close();
  }
}
