import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json, start, startFakeServer } from "../../testing/cli.ts";
import { EXITS } from "../lib/exits.ts";

const entry = (id: number, more: object = {}) => ({
  ...{ id, at: "2026-01-01T00:00:00.000Z", tenant: "acme", actorId: "t1", actor: "Ada", via: "cli" },
  ...{ action: "cancel", target: `job-${id}`, detail: {}, ...more },
});

describe("rates audit", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "rates-audit-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("shows actors and actions, and hints at further entries", async () => {
    const api = await startFakeServer((call) => json(call, { entries: [entry(2), entry(1)], next: 1 }));
    try {
      const { stdout, stderr } = await start(["audit", "--action", "cancel", "--tenant", "acme"], api.env).ended;
      assert.match(stdout, /TIME \(UTC\) +WHO +VIA +ACTION +TARGET\n2026-01-01 00:00:00 +Ada +cli +cancel +job-2\n/);
      assert.match(stderr, /--export FILE writes all/);
      assert.deepEqual(api.calls, ["GET /audit?limit=50&action=cancel&tenant=acme"]);
    } finally {
      api.close();
    }
  });

  it("exports all pages as NDJSON, or as CSV without spreadsheet formulas", async () => {
    const api = await startFakeServer((call) =>
      json(
        call,
        call.requestLine.includes("before=2")
          ? { entries: [entry(1, { actor: '=1+1,"x"' })] }
          : { entries: [entry(3, { actor: " =2" }), entry(2, { actor: "\uff1d3" })], next: 2 },
      ),
    );
    try {
      const csv = join(directory, "audit.csv");
      assert.equal((await start(["audit", "--export", csv], api.env).ended).code, 0);
      const lines = (await readFile(csv, "utf8")).split("\r\n");
      assert.equal(lines.length, 5);
      assert.match(lines[1] ?? "", /,' =2,cli,/);
      assert.match(lines[2] ?? "", /,'\uff1d3,cli,/);
      assert.match(lines[3] ?? "", /,"'=1\+1,""x""",cli,/);
      const ndjson = join(directory, "audit.ndjson");
      assert.equal((await start(["audit", "--export", ndjson], api.env).ended).code, 0);
      const ids = (await readFile(ndjson, "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id);
      assert.deepEqual(ids, [3, 2, 1]);
      assert.equal((await stat(ndjson)).mode & 0o777, 0o600);
      assert.equal((await start(["audit", "--export", "x.xls"], api.env).ended).code, EXITS.invalid.code);
    } finally {
      api.close();
    }
  });

  it("keeps an earlier file if an export fails", async () => {
    const api = await startFakeServer((call) =>
      call.requestLine.includes("before=2")
        ? json(call, { type: "Forbidden", title: "Forbidden", status: 403, detail: "This token was revoked." }, 403)
        : json(call, { entries: [entry(3), entry(2)], next: 2 }),
    );
    const folder = await mkdtemp(join(directory, "export-"));
    try {
      const file = join(folder, "audit.csv");
      await writeFile(file, "earlier");
      const { code, stderr } = await start(["audit", "--export", file], api.env).ended;
      assert.notEqual(code, 0);
      assert.match(stderr, /This token was revoked/);
      assert.equal(await readFile(file, "utf8"), "earlier");
      assert.deepEqual(await readdir(folder), ["audit.csv"]);
    } finally {
      api.close();
    }
  });

  it("does not report an export as written if the reader of its FIFO stops early", async () => {
    const file = join(directory, "fifo.csv");
    execFileSync("sh", ["-c", 'mkfifo "$1"', "sh", file]);
    const reader = spawn("head", ["-c", "1", file], { stdio: "ignore" });
    const stopped = once(reader, "exit");
    const api = await startFakeServer(async (call) => {
      if (!call.requestLine.includes("before=2")) return json(call, { entries: [entry(2)], next: 2 });
      await stopped;
      return json(call, { entries: [entry(1)] });
    });
    try {
      const { code, stderr } = await start(["audit", "--export", file], api.env).ended;
      assert.deepEqual([code, stderr], [0, ""]);
    } finally {
      reader.kill();
      api.close();
    }
  });

  it("reports a file that cannot be written before it requests entries", async () => {
    const api = await startFakeServer((call) => json(call, { entries: [] }));
    try {
      const { code, stderr } = await start(["audit", "--export", join(directory, "none", "a.csv")], api.env).ended;
      assert.deepEqual([code, api.calls], [EXITS.internalError.code, []]);
      assert.match(stderr, /^--export .*a\.csv cannot be written: there is no directory/);
    } finally {
      api.close();
    }
  });
});
