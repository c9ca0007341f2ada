import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { classify } from "../../contract/classify.ts";
import { handleRequests } from "../../dispatcher/requests.ts";
import { ROOT } from "../../platform/root.ts";
import { read } from "../../runner/read.ts";
import { testApi } from "../api/api.ts";
import { sqsEvent } from "../dispatcher.ts";
import { loadFile } from "../runner/loadFile.ts";
import { type PythonReader, pythonReader } from "../runner/pythonReader.ts";
import { nameOf, PAGE, REPORTS, withTables } from "./page.ts";
import type { Report, Trial } from "./report.ts";

type FileTrial = Extract<Trial, { target: unknown }>;

/** Queries for the rows that a batch added, by target. */
const ROWS = {
  regions: "select slug, name, parent_slug from regions where slug <> 'north' order by slug",
  ports: "select code, name from ports where code not in ('AAAAA', 'BBBBB') order by code",
  prices: "select orig_code, dest_code, day::text, price from prices",
};

describe("a public bug report", () => {
  let api: Awaited<ReturnType<typeof testApi>>;
  let caller: { authorization: string };
  let reader: pg.Client;
  let writer: pg.Client;
  let python: PythonReader | undefined;
  before(async function () {
    api = await testApi({ buckets: { results: "results", uploads: "uploads" } });
    caller = await api.as("default");
    [reader, writer] = await Promise.all([api.role("job_reader"), api.role("job_writer")]);
    await api.admin.query(`insert into regions values ('north', 'North', null);
      insert into ports values ('AAAAA', 'A', 'north'), ('BBBBB', 'B', 'north')`);
    python = pythonReader(this, api.database.url);
  });
  after(async () => {
    python?.close();
    await api?.close();
  });

  let number = 0;
  const submit = (payload: string) =>
    api.app.inject({
      method: "POST",
      url: "/jobs",
      headers: { ...caller, "content-type": "application/json" },
      payload,
    });
  /** Submits SQL and executes the job with each runner, which must produce the same result text. */
  const runRead = async (trial: Extract<Trial, { sql: string }>) => {
    const requestId = `report-${number++}`;
    const format = "format" in trial ? trial.format : "csv";
    const task = { type: "read", sql: trial.sql, format, compression: "none" } as const;
    const submitted = await submit(JSON.stringify({ requestId, task }));
    if ("refused" in trial) return assert.match(submitted.body, trial.refused);
    assert.equal(submitted.statusCode, 202, submitted.body);
    const { rows } = await api.admin.query("select sql from jobs.jobs where request_id = $1", [requestId]);
    const sql: string = rows[0].sql;
    const output = await read(task, {
      sql,
      session: { client: reader, backend: { pid: 0, start: "" } },
      timeoutSeconds: 60,
      signal: new AbortController().signal,
      output: { inlineBytes: 1e6, s3: async () => api.s3, bucket: "results", key: requestId },
      onBegin() {},
      onCopy() {},
      discard() {},
      onProgress() {},
    });
    const inPython = await python?.ask({ read: { ...task, sql }, inlineBytes: 1e6, key: requestId });
    for (const text of [output.json(output.rows), String(inPython)]) {
      const inline = format === "json" ? trial.result : JSON.stringify(trial.result);
      assert.ok(text.startsWith(`{"inline":${inline},"format"`), text);
    }
  };
  const runFile = async (trial: FileTrial) => {
    const chunks = typeof trial.content === "string" ? [Buffer.from(trial.content)] : trial.content;
    const content = { format: trial.format ?? "csv", chunks, gzip: trial.gzip ?? false } as const;
    const loaded = await loadFile(writer, trial.target, content, ROWS[trial.target]);
    if ("refused" in trial) {
      assert.ok("refused" in loaded, JSON.stringify(loaded));
      assert.equal(loaded.refused.code, trial.refused);
      assert.match(loaded.refused.message, trial.message);
    } else if ("faults" in trial) {
      assert.ok("bad" in loaded, JSON.stringify(loaded));
      const faults = loaded.bad.map(({ line, column, value, reason }) => `${line} ${column} ${value} ${reason}`);
      assert.deepEqual(faults, trial.faults);
    } else {
      assert.ok("rows" in loaded, JSON.stringify(loaded));
      assert.deepEqual(loaded.rows, trial.rows);
    }
  };
  const runTrial = async (trial: Trial): Promise<void> => {
    if ("sql" in trial) await runRead(trial);
    else if ("target" in trial) await runFile(trial);
    else if ("error" in trial) {
      const error = classify(trial.error, trial.task);
      assert.equal(error.code, trial.type);
      assert.match(error.message, trial.message);
    } else if ("message" in trial) {
      await handleRequests(api.context, sqsEvent(trial.message));
      const [letter, ...others] = await api.receive(api.context.queues.deadLetters);
      assert.deepEqual([letter?.Body, others], [trial.message, []]);
      assert.match(letter?.MessageAttributes?.reason?.StringValue ?? "", trial.deadLetter);
    } else if ("test" in trial) assert.ok(existsSync(join(ROOT, trial.test)), trial.test);
    else {
      const response =
        "submit" in trial
          ? await submit(trial.submit)
          : await api.app.inject({ url: trial.url, headers: { ...caller, ...trial.headers } });
      assert.equal(response.statusCode, trial.status, response.body);
      if (trial.body) assert.match(response.body, trial.body);
    }
  };

  for (const [topic, reports] of Object.entries(REPORTS))
    describe(`about ${topic}`, () => {
      for (const report of reports)
        it(`${nameOf(report)}: ${report.reported}`, async () => {
          await runTrial(report.trial);
        });
    });

  it("is listed in docs/public-reports.md, which `node runtime/testing/reports/main.ts` updates", () => {
    const page = readFileSync(PAGE, "utf8");
    // A formatter pads the cells.
    const unpadded = (text: string) => text.replace(/ *\| */g, "|").replace(/-{3,}/g, "---");
    assert.equal(unpadded(page), unpadded(withTables(page)));
  });

  it("is listed only once", () => {
    const urls = Object.values(REPORTS).flatMap((reports: readonly Report[]) => reports.map(({ url }) => url));
    assert.deepEqual(urls.length, new Set(urls).size);
    assert.ok(urls.length >= 30, `${urls.length} reports`);
  });
});
