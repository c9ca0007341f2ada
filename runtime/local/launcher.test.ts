import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CapacityUnavailable } from "../dispatcher/launcher.ts";
import { type LocalLauncher, localLauncher } from "./launcher.ts";

/** A runner that idles, and ends on SIGTERM like a drained runner unless STUBBORN is set. */
const RUNNER = `
  console.log("hello from", process.argv.slice(2).join(" "));
  const life = setInterval(() => {}, 1000);
  process.on("SIGTERM", () => { if (!process.env.STUBBORN) { clearInterval(life); process.disconnect(); } });
  process.on("disconnect", () => process.exit());
  require("node:fs").writeFileSync(process.env.LOG_LOCATION + ".up", "");
`;

describe("the local launcher", () => {
  let directory: string;
  let ended: { run: string; outcome: string }[];
  let onEnded: () => void;
  let launcher: LocalLauncher;
  const createLauncher = () =>
    localLauncher({
      program: [join(directory, "runner.cjs")],
      logDirectory: directory,
      onEnded: (run, outcome) => {
        ended.push({ run, outcome });
        onEnded();
      },
    });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-launcher-"));
    writeFileSync(join(directory, "runner.cjs"), RUNNER);
    ended = [];
    onEnded = () => {};
    launcher = createLauncher();
  });
  afterEach(async () => {
    delete process.env.STUBBORN;
    await launcher.kill();
    rmSync(directory, { recursive: true });
  });

  const start = async () => {
    const run = randomUUID();
    const id = await launcher.start(run, "glue");
    while (!existsSync(join(directory, `runner-${run}.log.up`))) await delay(10);
    return { run, id };
  };
  const nextEnd = () =>
    new Promise<void>((resolve) => {
      onEnded = resolve;
    });

  it("starts a process with its run id and runner type, and keeps its output", async () => {
    const { run } = await start();
    assert.match(readFileSync(join(directory, `runner-${run}.log`), "utf8"), new RegExp(`--run ${run} --runner glue`));
  });

  it("checks and ends a run that another launcher started", async () => {
    const { run, id } = await start();
    const other = createLauncher();
    assert.equal(await other.status(run, id), "ALIVE");
    const end = nextEnd();
    await other.stop(run, id);
    await end;
    assert.equal(await other.status(run, id), "ENDED");
    assert.deepEqual(ended, [{ run, outcome: "SIGKILL" }]);
  });

  it("finds a run by its own id if its launch was never recorded", async () => {
    const { run } = await start();
    assert.equal(await createLauncher().status(run, undefined), "ALIVE");
    assert.equal(await createLauncher().status(randomUUID(), undefined), "UNKNOWN");
    const end = nextEnd();
    await createLauncher().stop(run, undefined);
    await end;
    assert.equal(await createLauncher().status(run, undefined), "UNKNOWN");
  });

  it("never mistakes another process with the same pid for the run", async () => {
    const { run, id } = await start();
    const otherProcess = `${id.split("@")[0]}@0`;
    assert.equal(await launcher.status(run, otherProcess), "ENDED");
    await launcher.stop(run, otherProcess);
    assert.equal(await launcher.status(run, id), "ALIVE");
  });

  it("ends a paused run", async () => {
    const { run, id } = await start();
    process.kill(Number(id.split("@")[0]), "SIGSTOP");
    const end = nextEnd();
    await launcher.stop(run, id);
    await end;
    assert.equal(await launcher.status(run, id), "ENDED");
  });

  it("drains: runs end by themselves, and none is started", async () => {
    const { run, id } = await start();
    const drained = launcher.drain(60_000);
    await assert.rejects(launcher.start(randomUUID(), "ec2"), CapacityUnavailable);
    await drained;
    assert.equal(await launcher.status(run, id), "ENDED");
    assert.deepEqual(ended, [{ run, outcome: "ENDED" }]);
  });

  it("kills runs that do not drain in time", async () => {
    process.env.STUBBORN = "1";
    const { run, id } = await start();
    await launcher.drain(100);
    assert.equal(await launcher.status(run, id), "ENDED");
    assert.deepEqual(ended, [{ run, outcome: "SIGKILL" }]);
  });
});
