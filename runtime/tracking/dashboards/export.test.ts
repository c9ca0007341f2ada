import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ERRORS } from "../../contract/errors.ts";
import { STATES } from "../../contract/states.ts";
import { RUNNER_METRICS } from "../../monitoring/metrics.ts";
import { PANELS } from "../../monitoring/panels.ts";
import { testOpenSearch } from "../../testing/cluster.ts";
import { openSearchStore } from "../../testing/tracking/openSearch.ts";
import { MAPPINGS } from "../opensearch/indices.ts";
import type { Document } from "../store.ts";
import { DOCUMENT_METRICS } from "./documentMetrics.ts";
import { DOCUMENT_PANELS, exportText, savedObjects, VISUALIZATIONS } from "./export.ts";
import { COLUMNS, type SavedObject, type VisualizationSpec } from "./savedObjects.ts";

const FIELDS: Record<string, { type: string }> = MAPPINGS.properties;
/** Field types that each aggregation accepts. */
const REQUIRED_TYPES: Record<string, string> = {
  terms: "keyword",
  date_histogram: "date",
  percentiles: "long",
  max: "long",
};

const parsed = (object: SavedObject, key: string) => JSON.parse(String(object.attributes[key]));
const ofType = (type: SavedObject["type"]) => savedObjects("p").filter((object) => object.type === type);

describe("the saved objects for OpenSearch Dashboards", () => {
  it("are one line of JSON each, with all required fields, and follow the objects that they reference", () => {
    const lines = exportText("rates-jobs").trimEnd().split("\n");
    const known = new Set<string>();
    for (const line of lines) {
      const { id, type, attributes, references, migrationVersion }: SavedObject = JSON.parse(line);
      assert.match(id, /^rates-jobs-[a-zA-Z]+$/);
      assert.ok(typeof attributes.title === "string" && attributes.title !== "");
      assert.match(String(migrationVersion[type]), /^\d+\.\d+\.\d+$/);
      for (const reference of references) assert.ok(known.has(`${reference.type} ${reference.id}`), reference.id);
      assert.ok(!known.has(`${type} ${id}`), id);
      known.add(`${type} ${id}`);
      for (const [key, value] of Object.entries(attributes))
        if (/JSON$|^visState$/.test(key)) JSON.parse(String(value));
    }
    assert.equal(
      exportText("rates-jobs"),
      exportText("rates-jobs"),
      "the export is always the same, so that an import replaces the previous one",
    );
  });

  it("use fields of the index template, each with a suitable type", () => {
    for (const visualization of ofType("visualization")) {
      const { aggs, title } = parsed(visualization, "visState");
      assert.ok(aggs.some(({ schema }: { schema: string }) => schema === "metric"));
      for (const { type, params } of aggs) {
        if (type === "count") continue;
        assert.equal(FIELDS[params.field]?.type, REQUIRED_TYPES[type], `${title}: ${type} of ${params.field}`);
        if (params.orderBy === "1") assert.ok(["count", "max"].includes(aggs[0].type), `${title} cannot be in order`);
      }
    }
    const pattern = ofType("index-pattern")[0];
    assert(pattern);
    assert.equal(FIELDS[String(pattern.attributes.timeFieldName)]?.type, "date");
    for (const { name } of parsed(pattern, "fields")) assert.ok(name in FIELDS, name);
    for (const name of Object.keys(parsed(pattern, "fieldFormatMap"))) assert.ok(name in FIELDS, name);
  });

  it("use values that documents can have", () => {
    const values: Record<string, readonly string[]> = {
      status: STATES,
      errorCategory: Object.values(ERRORS).map(({ category }) => category),
    };
    for (const { where = {} } of VISUALIZATIONS)
      for (const [field, required] of Object.entries(where))
        for (const value of required) assert.ok(values[field]?.includes(value), `${field}: ${value}`);
    const categories = (metric: "failedByRequest" | "failedByPlatform") => DOCUMENT_METRICS[metric].where.errorCategory;
    const split: string[] = [...categories("failedByRequest"), ...categories("failedByPlatform")];
    assert.deepEqual(split.sort(), [...new Set(values.errorCategory)].sort(), "every failure is in one of the two");
  });

  it("show every CloudWatch panel that documents support, with its title, once", () => {
    const missing = Object.keys(PANELS).filter((key) => !(DOCUMENT_PANELS as string[]).includes(key));
    assert.deepEqual(missing, ["lostOrOutOfMemory"]);
    for (const key of DOCUMENT_PANELS) {
      const spec = VISUALIZATIONS.find((visualization) => visualization.key === key);
      assert.equal(spec?.title, PANELS[key].title);
      const [{ metric }] = PANELS[key].metrics;
      assert.equal(spec?.description, RUNNER_METRICS[metric].meaning);
    }
    const [dashboard] = ofType("dashboard");
    assert.deepEqual(
      dashboard?.references.map(({ id }) => id).sort(),
      ofType("visualization")
        .map(({ id }) => id)
        .sort(),
    );
  });

  it("stay within the dashboard's grid without overlaps", () => {
    const [dashboard] = ofType("dashboard");
    assert(dashboard);
    const taken = new Set<string>();
    for (const { gridData, panelRefName } of parsed(dashboard, "panelsJSON")) {
      const { x, y, w, h } = gridData;
      assert.ok(x >= 0 && w >= 8 && x + w <= COLUMNS && h >= 6);
      assert.ok(dashboard.references.some(({ name }) => name === panelRefName));
      for (let column = x; column < x + w; column++)
        for (let row = y; row < y + h; row++) {
          assert.ok(!taken.has(`${column} ${row}`));
          taken.add(`${column} ${row}`);
        }
    }
  });

  it("are printed by a command, for a given prefix", async () => {
    const main = fileURLToPath(new URL("main.ts", import.meta.url));
    const run = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args]);
    assert.equal((await run("--index-prefix", "mine")).stdout, exportText("mine"));
    await assert.rejects(run("--index-prefix", "Not One"), { code: 2 });
  });
});

describe("values of the visualizations in OpenSearch", () => {
  let o: ReturnType<typeof openSearchStore>;
  before(async function () {
    o = openSearchStore(await testOpenSearch(this));
  });
  after(() => o?.close());

  /**
   * Runs the query of Dashboards for a visualization, split by its terms only.
   *
   * @returns The first metric per term.
   */
  const readValues = async ({ aggregations, where = {} }: VisualizationSpec): Promise<Record<string, number>> => {
    const [metric] = aggregations;
    const terms = aggregations.find(({ type }) => type === "terms");
    assert(metric && terms);
    const { field, percents } = metric.params;
    const first =
      metric.type === "count" ? {} : { value: { [metric.type]: { field, ...(percents ? { percents } : {}) } } };
    const { body } = await o.send<{
      aggregations: { split: { buckets: { key: string; doc_count: number; value?: Values }[] } };
    }>({
      method: "POST",
      path: `/${o.indexPrefix}-*/_search`,
      body: {
        size: 0,
        query: { bool: { filter: Object.entries(where).map(([name, values]) => ({ terms: { [name]: values } })) } },
        aggs: { split: { terms: { field: terms.params.field }, aggs: first } },
      },
      timeoutMs: 10_000,
    });
    return Object.fromEntries(
      body.aggregations.split.buckets.map(({ key, doc_count, value }) => [
        key,
        value === undefined ? doc_count : (value.value ?? Object.values(value.values ?? {})[0] ?? Number.NaN),
      ]),
    );
  };
  interface Values {
    value?: number;
    values?: Record<string, number>;
  }

  it("match the stored documents", async () => {
    const job = (requestId: string, more: object): Document => ({
      requestId,
      tenant: "acme",
      status: "SUCCEEDED",
      createdAt: "2026-11-01T00:00:00.000Z",
      runner: "glue",
      task: { type: "read", query: "average_rates" },
      ...more,
    });
    const stats = (executionMs: number) => ({
      queueMs: 10,
      executionMs,
      totalMs: 10 + executionMs,
      peakMemoryBytes: 7,
    });
    const failed = (category: string, type: string) => ({
      status: "FAILED",
      error: { category, type },
      stats: stats(1),
    });
    const documents = [
      job("a", { stats: stats(100) }),
      job("b", { stats: stats(300), task: { type: "update", target: "prices" }, runner: "ec2" }),
      job("c", failed("User", "InvalidRows")),
      job("d", failed("System", "RunnerLost")),
      job("e", { ...failed("Other", "Internal"), runner: "ec2" }),
      job("f", { status: "PENDING" }),
      job("g", { status: "IN_PROGRESS", task: { type: "read", sql: "select 1" }, runner: "ec2" }),
    ];
    assert.deepEqual(await o.store.put(documents.map((document) => ({ version: 1, document }))), []);
    await o.settled();
    const values = Object.fromEntries(
      await Promise.all(VISUALIZATIONS.map(async (spec) => [spec.key, await readValues(spec)])),
    );
    assert.deepEqual(values.waiting, { glue: 1 });
    assert.deepEqual(values.working, { ec2: 1 });
    assert.deepEqual(values.succeeded, { glue: 1, ec2: 1 });
    assert.deepEqual(values.failedByRequest, { glue: 1 });
    assert.deepEqual(values.failedByPlatform, { glue: 1, ec2: 1 });
    assert.deepEqual(values.peakMemory, { glue: 7, ec2: 7 });
    assert.ok(values.runTime.ec2 > 200 && values.runTime.glue > 50 && values.runTime.glue <= 100);
    assert.deepEqual(values.errors, { InvalidRows: 1, RunnerLost: 1, Internal: 1 });
    assert.equal(values.slowest["load prices"], 300);
    assert.deepEqual(Object.keys(values.slowest).sort(), ["average_rates", "load prices", "raw SQL"]);
    assert.deepEqual(values.states, { SUCCEEDED: 2, FAILED: 3, PENDING: 1, IN_PROGRESS: 1 });
    assert.deepEqual(values.tenants, { acme: 7 });
  });
});
