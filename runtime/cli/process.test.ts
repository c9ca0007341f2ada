import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFile,
  copyFile,
  mkdir,
  open,
  readdir,
  rename,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { begin, type Call, cliSuite, event, job, json, LAUNCHER, start, startFakeServer } from "../testing/cli.ts";
import { EXITS } from "./lib/exits.ts";

describe("the command line after failures", () => {
  const suite = cliSuite();
  const { against } = suite;
  /** Modification time of `prices`. In whole seconds, so that a test can restore it exactly. */
  const MODIFIED_AT = 1_700_000_000;
  const prices = async (bytes: number) => {
    const file = join(suite.directory, "prices.csv");
    await writeFile(file, "x".repeat(bytes));
    await utimes(file, MODIFIED_AT, MODIFIED_AT);
    return file;
  };

  it("continues watching after a broken stream and a restart of the server", async () => {
    let requests = 0;
    const { env, calls } = await against(async (call) => {
      requests++;
      if (requests === 1) {
        begin(call).write(event(job("PENDING")));
        const half = Buffer.from(event(job("IN_PROGRESS", { labels: { town: "Tromsø" } })));
        call.response.write(half.subarray(0, half.indexOf("ø") + 1), () => call.response.destroy());
      } else if (requests === 2) call.response.socket?.destroy();
      else if (requests === 3) call.response.writeHead(502).end("<html>bad gateway");
      else if (requests === 4) json(call, { type: "TooManyRequests", status: 429, detail: "Wait a little." }, 429);
      else begin(call).end(event(job("SUCCEEDED")));
    });
    const { code, stdout } = await start(["watch", "a", "--json"], env).ended;
    assert.deepEqual([code, JSON.parse(stdout).status, calls.length], [0, "SUCCEEDED", 5]);
  });

  it("reads a document regardless of the chunks in which it arrives", async () => {
    const { env } = await against(async (call) => {
      begin(call);
      for (const byte of Buffer.from(event(job("SUCCEEDED", { labels: { town: "Tromsø 東京" } }))))
        await new Promise((sent) => call.response.write(Buffer.of(byte), sent));
      call.response.end();
    });
    const { stdout } = await start(["watch", "a", "--json"], env).ended;
    assert.equal(JSON.parse(stdout).labels.town, "Tromsø 東京");
  });

  it("does not wait for an unknown job, or for a platform that never responded", async () => {
    const { env } = await against((call) => json(call, { type: "UnknownJob", detail: "There is no job a." }, 404));
    assert.equal((await start(["watch", "a"], env).ended).code, EXITS.invalid.code);
    assert.equal((await start(["watch", "a"], { ...env, RATES_API: "http://127.0.0.1:1" }).ended).code, 4);
  });

  for (const [signal, program] of [
    ["SIGINT", LAUNCHER],
    ["SIGTERM", undefined],
  ] as const)
    it(`keeps the job running on ${signal}, and prints how to watch it again`, async () => {
      const { env } = await against((call) => begin(call).write(event(job("PENDING"))));
      const { child, ended } = start(["watch", "a", "--tenant", "x"], env, program ? { program } : {});
      assert(child.stderr);
      await once(child.stderr, "data");
      child.kill(signal);
      const { code, stderr } = await ended;
      assert.equal(code, EXITS.interrupted.code);
      assert.match(stderr, /`rates watch a --tenant x`/);
    });

  it("ends the launcher with the signal that ended the command, not with an exit code", async () => {
    const { env } = await against((call) => begin(call).write(event(job("PENDING"))));
    const { child, ended } = start(["watch", "a"], env, { program: LAUNCHER });
    assert(child.stderr);
    await once(child.stderr, "data");
    child.kill("SIGHUP");
    assert.equal((await ended).code, "SIGHUP");
  });

  it("prints how to install the packages in a new clone", async () => {
    const cli = join(suite.directory, "runtime", "cli");
    await mkdir(cli, { recursive: true });
    await copyFile(LAUNCHER, join(cli, "rates.mjs"));
    const { code, stderr } = await start(["list"], {}, { program: join(cli, "rates.mjs") }).ended;
    assert.equal(code, EXITS.unreachable.code);
    assert.match(stderr, /npm start/);
  });

  it("distinguishes local errors from other failures in its exit code", async () => {
    const { env } = await against(({ response }) => response.end("day,price\n"));
    const output = join(suite.directory, "missing", "out.csv");
    const unwritable = await start(["result", "a", "--output", output, "--json"], env).ended;
    assert.equal(unwritable.code, EXITS.internalError.code);
    assert.match(JSON.parse(unwritable.stdout).error.detail, /cannot be written/);
    assert.equal((await start(["show", "a"], env).ended).code, EXITS.unreachable.code, "no JSON");
    await writeFile(join(suite.directory, "platform.json"), "{");
    const truncated = await start(["list"], { RATES_DATA_DIR: suite.directory }).ended;
    assert.equal(truncated.code, EXITS.internalError.code);
    assert.match(truncated.stderr, /platform\.json cannot be read: .*\n`npm start` writes it again/);
  });

  it("leaves no partial result after a broken download", async () => {
    const { env } = await against((call) => {
      if (call.requestLine === "GET /jobs/a")
        return json(call, job("SUCCEEDED", { result: { format: "csv", rows: 1 } }));
      const { response } = call;
      response.writeHead(200, { "content-length": "100" }).write("day,pr", () => response.destroy());
    });
    const { code, stderr } = await start(["result", "a", "--output", join(suite.directory, "out.csv")], env).ended;
    assert.equal(code, EXITS.unreachable.code);
    assert.match(stderr, /The download stopped after/);
    assert.deepEqual(await readdir(suite.directory), []);
  });

  it("does not report a result as written if the reader of its FIFO stops early", async () => {
    const file = join(suite.directory, "fifo.csv");
    execFileSync("sh", ["-c", 'mkfifo "$1"', "sh", file]);
    const reader = spawn("head", ["-c", "1", file], { stdio: "ignore" });
    const stopped = once(reader, "exit");
    const { env } = await against(async (call) => {
      if (call.requestLine === "GET /jobs/a")
        return json(call, job("SUCCEEDED", { result: { format: "csv", rows: 1 } }));
      call.response.write("day,price\n");
      await stopped;
      call.response.end("2021-01-01,1\n");
    });
    try {
      const { code, stdout, stderr } = await start(["result", "a", "--output", file, "--json"], env).ended;
      assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    } finally {
      reader.kill();
    }
  });

  it("prints how to fetch a report again after Ctrl-C during its download", async () => {
    const began = Promise.withResolvers<void>();
    const { env } = await against(({ response }) => {
      response.writeHead(200).write("line,column\n", () => began.resolve());
    });
    const { child, ended } = start(["result", "a", "--report"], env);
    await began.promise;
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    assert.equal(code, EXITS.interrupted.code);
    assert.match(stderr, /`rates result a --report` fetches it again/);
  });

  it("waits for a submitted job with --wait alone, until the job ends or the time is over", async () => {
    let status = "SUCCEEDED";
    const { env } = await against((call) => {
      if (call.requestLine === "POST /jobs")
        return json(call, { requestId: "a", tenant: "acme", status: "PENDING" }, 202);
      if (!call.requestLine.includes("/events")) return json(call, {});
      const stream = begin(call);
      return status === "SUCCEEDED" ? stream.end(event(job(status))) : stream.write(event(job(status)));
    });
    const submit = async (wait: string) => (await start(["submit", "--query", "q", "--wait", wait], env).ended).code;
    assert.equal(await submit("60"), 0);
    status = "IN_PROGRESS";
    assert.equal(await submit("0.3"), EXITS.waitTimedOut.code);
  });

  it("resends a request under the same id if its response is lost, and finally prints how to find the job", async () => {
    const ids: string[] = [];
    let lost = 1;
    const { env } = await against((call) => {
      const { requestId } = JSON.parse(call.body.toString());
      ids.push(requestId);
      if (lost-- > 0) return call.response.destroy();
      return json(call, { requestId, tenant: "default", status: "PENDING" }, 202);
    });
    const sent = await start(["submit", "--query", "q"], env).ended;
    assert.equal(sent.code, 0, sent.stderr);
    assert.deepEqual([ids.length, new Set(ids).size], [2, 1]);
    lost = 9;
    const { code, stderr } = await start(["submit", "--query", "q", "--id", "mine"], env).ended;
    assert.equal(code, EXITS.unreachable.code);
    assert.deepEqual(ids.slice(2), ["mine", "mine", "mine"]);
    assert.match(stderr, /The request may have been accepted\. Check with `rates show mine`\./);
  });

  it("reports an expired result if its link returns 404", async () => {
    const store = await startFakeServer(({ response }) =>
      response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>"),
    );
    const { env } = await against(({ response }) => response.writeHead(302, { location: `${store.url}/old` }).end());
    const { code, stdout, stderr } = await start(["result", "a", "--json"], env).ended;
    assert.deepEqual([code, JSON.parse(stdout).error.type], [EXITS.invalid.code, "ResultGone"]);
    store.close();
    assert.match(stderr, /has expired\. Submit its task again under a new requestId\.\n/);
  });

  it("ends without an error when its reader closes the pipe", async () => {
    const jobs = Array.from({ length: 1_000 }, () => job("SUCCEEDED", { labels: { filler: "x".repeat(1_000) } }));
    const { env } = await against((call) => json(call, { jobs }));
    const { child, ended } = start(["list", "--json"], env);
    child.stdout?.once("data", () => child.stdout?.destroy());
    child.stdout?.on("error", () => undefined);
    ended.catch(() => undefined);
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  });

  /** Starts an API with uploads in parts of 10 bytes; `respondToPart` handles a part that was sent `sentCount` times. */
  const store = (respondToPart: (call: Call, sentCount: number) => unknown) => {
    const sentCounts = new Map<string, number>();
    return against((call) => {
      const { requestLine } = call;
      if (requestLine === "POST /uploads") {
        const { bytes } = JSON.parse(call.body.toString());
        const parts = Array.from({ length: Math.ceil(bytes / 10) }, (_, index) => ({
          partNumber: index + 1,
          url: `${suite.api?.url}/part/${index + 1}`,
        }));
        return json(call, { id: "up", location: "s3://uploads/x", partBytes: 10, partCount: parts.length, parts }, 201);
      }
      if (requestLine.startsWith("PUT /part/")) {
        const sentCount = (sentCounts.get(requestLine) ?? 0) + 1;
        sentCounts.set(requestLine, sentCount);
        return respondToPart(call, sentCount);
      }
      if (requestLine === "POST /uploads/up/complete") return json(call, { location: "s3://uploads/x" });
      if (requestLine.startsWith("GET /jobs/load-"))
        return json(call, { type: "UnknownJob", detail: "There is none." }, 404);
      if (requestLine === "POST /jobs") return json(call, { requestId: "a", tenant: "acme", status: "PENDING" }, 202);
      if (requestLine === "GET /jobs/a/events") return begin(call).end(event(job("SUCCEEDED")));
      return call.response.writeHead(204).end();
    });
  };

  it("resends a failed part", async () => {
    const { env, calls } = await store(({ requestLine, body, response }, sentCount) => {
      if (requestLine === "PUT /part/2" && sentCount === 1) return response.writeHead(503).end("SlowDown");
      if (requestLine === "PUT /part/3" && sentCount === 1) return response.socket?.destroy();
      return response.setHeader("etag", `"${body.length}"`).end();
    });
    const { code, stderr } = await start(["load", await prices(45)], env).ended;
    assert.deepEqual([code, calls.filter((call) => call.startsWith("PUT")).length], [0, 7], stderr);
    assert.match(stderr, /100 % {2}45 B of 45 B/);
  });

  it("aborts a refused upload, removes its parts, and submits nothing", async () => {
    const { env, calls } = await store(({ requestLine, response }) =>
      requestLine === "PUT /part/3" ? response.writeHead(403).end("expired") : response.setHeader("etag", "x").end(),
    );
    const { code, stderr } = await start(["load", await prices(200)], env).ended;
    assert.equal(code, EXITS.unreachable.code);
    assert.match(stderr, /403: expired/);
    assert.equal(calls.filter((call) => call === "PUT /part/3").length, 1, "a refused part is not resent");
    assert.equal(calls.at(-1), "DELETE /uploads/up");
    assert(!calls.includes("POST /jobs"));
  });

  const overwriteEnd = async (file: string) => {
    const handle = await open(file, "r+");
    await handle.write("y", 199);
    await handle.close();
  };
  const CHANGES: Record<string, { change(file: string): Promise<void>; message: RegExp }> = {
    grows: { change: (file) => appendFile(file, "y".repeat(5)), message: /prices\.csv grew while it was read/ },
    shrinks: { change: (file) => truncate(file, 15), message: /became shorter while it was read/ },
    "is replaced": {
      change: async (file) => {
        await writeFile(`${file}.new`, "y".repeat(200));
        await rename(`${file}.new`, file);
      },
      message: /was replaced by another file while it was read/,
    },
    "is removed": { change: (file) => unlink(file), message: /was removed while it was read/ },
    "is overwritten": { change: overwriteEnd, message: /was written to while it was read/ },
    "changes without changing its size and time": {
      change: async (file) => {
        await overwriteEnd(file);
        await utimes(file, MODIFIED_AT, MODIFIED_AT);
      },
      message: /prices\.csv changed while it was read/,
    },
  };
  for (const [name, { change, message }] of Object.entries(CHANGES))
    it(`submits no job for a file that ${name} while it is sent`, async () => {
      const file = await prices(200);
      let changed: Promise<void> | undefined;
      const { env, calls } = await store(async ({ response }) => {
        changed ??= change(file);
        await changed;
        response.setHeader("etag", "x").end();
      });
      const { code, stderr } = await start(["load", file], env).ended;
      assert.equal(code, EXITS.invalid.code, stderr);
      assert.match(stderr, message);
      assert.equal(calls.at(-1), "DELETE /uploads/up");
      assert(!calls.includes("POST /jobs"));
    });

  it("removes an upload on Ctrl-C", async () => {
    const arrived = Promise.withResolvers<void>();
    const { env, calls } = await store(() => arrived.resolve());
    const { child, ended } = start(["load", await prices(100)], env, { program: LAUNCHER });
    await arrived.promise;
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    assert.equal(code, EXITS.interrupted.code);
    assert.match(stderr, /Nothing was submitted/);
    assert.equal(calls.at(-1), "DELETE /uploads/up");
  });

  it("sends nothing if a file or an option is invalid, or if an option would have no effect", async () => {
    const { env, calls } = await against((call) => json(call, {}));
    const request = join(suite.directory, "request.json");
    await writeFile(request, "{}");
    await writeFile(join(suite.directory, "list.json"), "[]");
    await mkdir(join(suite.directory, "folder.csv"));
    for (const args of [
      ["submit", "--statement", "purge_prices", "--dry-run"],
      ["submit", request, "--dry-run"],
      ["submit", join(suite.directory, "list.json")],
      ["submit", "--query", "q", "--mode", "append"],
      ["submit", "--query", "q", "--priority", "high"],
      ["query", "--sql", "select 1", "--param", "a=b"],
      ["watch", "a", "--wait", "soon"],
      ["list", "--limit", "many"],
      ["list", "--status", "DONE"],
      ["list", "--from", "yesterday"],
      ["load", join(suite.directory, "folder.csv")],
      ["list", "--api", "nonsense"],
    ]) {
      const { code, stdout, stderr } = await start([...args, "--json"], env).ended;
      assert.equal(code, EXITS.invalid.code, args.join(" "));
      assert.notEqual(stderr, "");
      assert(JSON.parse(stdout).error.detail.length > 10, args.join(" "));
    }
    assert.deepEqual(calls, []);
  });

  it("converts parameters to the types that their query declares", async () => {
    const params = Object.entries({ text: "text", whole: "integer", bool: "boolean", list: "text[]" }).map(
      ([name, type]) => ({ name, type }),
    );
    let task: unknown;
    const { env } = await against((call) => {
      if (call.requestLine === "GET /queries") return json(call, { queries: [{ name: "q", params }], statements: [] });
      task = JSON.parse(call.body.toString()).task;
      return json(call, { requestId: "a", tenant: "acme", status: "PENDING" }, 202);
    });
    const given = ["text=007", "whole=7", "bool=true", "list=1", "list=two", "more=3"];
    await start(["submit", "--query", "q", ...given.flatMap((pair) => ["--param", pair])], env).ended;
    const expected = { text: "007", whole: 7, bool: true, list: ["1", "two"], more: "3" };
    assert.deepEqual(task, { type: "read", query: "q", params: expected });
  });

  it("colours states with FORCE_COLOR, but not with NO_COLOR or in a pipe", async () => {
    const { env } = await against((call) => json(call, { jobs: [job("FAILED")] }));
    const list = async (more: Record<string, string>) => (await start(["list"], { ...env, ...more }).ended).stdout;
    assert((await list({ FORCE_COLOR: "1" })).includes("\u001b[31mFAILED\u001b[39m"));
    assert(!(await list({ NO_COLOR: "1" })).includes("\u001b"));
    assert(!(await list({})).includes("\u001b"));
  });

  it("prints no control characters, and no colours without a terminal", async () => {
    const sql = "select '\u001b]0;title\u0007\u001b[2J\u009b31m'\nfrom x";
    const { env } = await against((call) => json(call, { jobs: [job("FAILED", { task: { type: "read", sql } })] }));
    const { stdout } = await start(["list"], env).ended;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test asserts that they are absent
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    assert.match(stdout, /select '.*' from x/);
  });
});
