import assert from "node:assert/strict";
import childProcess, { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort, portProblem } from "./ports.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { identify, waitForEnd } from "./processes.ts";

/** Program that starts a cluster like a platform, and prints the server's pid. A test kills it. */
const START_PROGRAM = `
  const { startPostgres } = await import(${JSON.stringify(import.meta.resolve("./postgres.ts"))});
  const [directory, logFile] = process.argv.slice(1);
  console.log((await startPostgres({ directory, logFile, durable: false })).pid);
  setInterval(() => {}, 1000);
`;

describe("the embedded Postgres", () => {
  let root: string;
  let directory: string;
  let logFile: string;
  let postgres: Postgres | undefined;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rates-postgres-"));
    directory = join(root, "cluster");
    logFile = join(root, "log");
  });
  afterEach(async () => {
    await postgres?.stop();
    postgres = undefined;
    rmSync(root, { recursive: true });
  });

  const start = async (port?: number) => {
    postgres = await startPostgres({ directory, logFile, durable: false, ...(port === undefined ? {} : { port }) });
    return postgres;
  };
  const query = async (url: string, sql: string) => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it("accepts connections once it is ready, with the password and from this machine only", async () => {
    const { url, port } = await start();
    assert.deepEqual(await query(url("postgres"), "select 1 as one"), [{ one: 1 }]);
    const wrong = new URL(url("postgres"));
    wrong.password = "guess";
    await assert.rejects(query(wrong.href, "select 1"), /password authentication failed/);
    assert.equal(statSync(join(directory, "password")).mode & 0o777, 0o600);
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === "IPv4")) {
      assert.equal(await portProblem(port, address), undefined, `it listens on ${address} too`);
    }
  });

  it("sorts by code point, whatever the machine's locale", async () => {
    const { url } = await start();
    const rows = await query(
      url("postgres"),
      "select string_agg(x, ' ' order by x) s from unnest('{b,a,B,é,A,z}'::text[]) x",
    );
    assert.deepEqual(rows, [{ s: "A B a b z é" }]);
  });

  it("uses UTC, whatever the machine's time zone", async () => {
    const before = process.env.TZ;
    process.env.TZ = "America/New_York";
    try {
      const { url } = await start();
      const rows = await query(
        url("postgres"),
        "select current_setting('timezone') tz, current_setting('log_timezone') log",
      );
      assert.deepEqual(rows, [{ tz: "UTC", log: "UTC" }]);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it("keeps its data and password across a restart", async () => {
    const first = await start();
    await query(first.url("postgres"), "create table kept as select 42 as answer");
    await first.stop();
    const second = await start();
    assert.equal(second.password, first.password);
    assert.deepEqual(await query(second.url("postgres"), "table kept"), [{ answer: 42 }]);
  });

  it("ends a server whose platform was killed, and continues with its data", async () => {
    const parent = spawn(process.execPath, ["--input-type=module", "-e", START_PROGRAM, directory, logFile]);
    const [line] = await once(parent.stdout, "data");
    const orphan = identify(Number(line));
    parent.kill("SIGKILL");
    await once(parent, "exit");
    assert.ok(orphan !== undefined && identify(orphan.pid) !== undefined, "it should outlive its parent");
    const { url, pid } = await start();
    assert.notEqual(pid, orphan.pid);
    assert.equal(identify(orphan.pid), undefined);
    assert.deepEqual(await query(url("postgres"), "select 1 as one"), [{ one: 1 }]);
  });

  it("starts despite a pid file whose pid belongs to another process", async () => {
    const first = await start();
    const server = identify(first.pid);
    process.kill(first.pid, "SIGKILL");
    await first.ended;
    assert.ok(server !== undefined && (await waitForEnd(server, 1_000)));
    const file = join(directory, "data", "postmaster.pid");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^\d+/, String(process.pid)));
    const { url } = await start();
    assert.deepEqual(await query(url("postgres"), "select 1 as one"), [{ one: 1 }]);
  });

  it("starts over after an interrupted first start", async () => {
    mkdirSync(join(directory, "data.new", "base"), { recursive: true });
    const { url } = await start();
    assert.deepEqual(await query(url("postgres"), "select 1 as one"), [{ one: 1 }]);
  });

  it("reports why it did not start", async () => {
    const port = await freePort();
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    try {
      await assert.rejects(start(port), /did not start.*Address already in use/s);
    } finally {
      server.close();
    }
  });

  it("reports that the program could not be started", async () => {
    mkdirSync(join(directory, "data"), { recursive: true });
    const original = childProcess.spawn;
    const failing = (_: string, args: readonly string[], options: childProcess.SpawnOptions) =>
      original("no-such-program", args, options);
    childProcess.spawn = failing as typeof original;
    syncBuiltinESMExports();
    try {
      await assert.rejects(start(), /did not start.*spawn no-such-program ENOENT/s);
    } finally {
      childProcess.spawn = original;
      syncBuiltinESMExports();
    }
  });
});
