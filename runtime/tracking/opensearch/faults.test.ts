import assert from "node:assert/strict";
import { JobError } from "../../contract/errors.ts";
import { testOpenSearch } from "../../testing/cluster.ts";
import { openSearchStore } from "../../testing/tracking/openSearch.ts";
import { json, startRecordingServer } from "../../testing/tracking/recordingServer.ts";
import { document } from "../../testing/tracking/suite.ts";
import { OpenSearchTracking } from "./store.ts";

const unavailable = (error: unknown) => error instanceof JobError && error.code === "TrackingUnavailable";
const timeoutMs = 30_000;

describe("the tracking store in a faulty OpenSearch", () => {
  let endpoint: string;
  let s: ReturnType<typeof openSearchStore>;
  before(async function () {
    endpoint = await testOpenSearch(this);
  });
  beforeEach(() => {
    s = openSearchStore(endpoint);
  });
  afterEach(() => s.close());

  const storedIds = async () => {
    await s.settled();
    return (await s.store.search({ limit: 100, sort: "createdAt", order: "asc" })).documents.map(
      ({ requestId }) => requestId,
    );
  };
  const at = (month: string) => ({ createdAt: `2021-${month}-15T00:00:00.000Z` });
  const index = (month: string, body: object) =>
    s.send({
      method: "PUT",
      path: `/${s.indexPrefix}-2021.${month}`,
      query: { wait_for_active_shards: 0 },
      body,
      timeoutMs,
    });

  it("keeps the highest version under concurrent writes", async () => {
    const stores = Array.from({ length: 4 }, () => new OpenSearchTracking({ endpoint, indexPrefix: s.indexPrefix }));
    const versions = Array.from({ length: 40 }, (_, step) => (step * 17) % 40);
    await Promise.all(
      versions.map(async (version, step) => {
        const documents = ["a", "b", "c"].map((id) => ({ version, document: document(id, { note: version }) }));
        assert.deepEqual(await stores[step % stores.length]?.put(documents), []);
      }),
    );
    await s.settled();
    for (const id of ["a", "b", "c"]) assert.equal((await s.store.get("acme", id))?.note, 39);
  });

  it("restores its field mappings after all data was lost", async () => {
    await s.store.put([{ version: 1, document: document("before") }]);
    await s.close();
    assert.deepEqual(await storedIds(), []);
    await s.store.put([{ version: 1, document: document("after", { labels: { team: "x" } }) }]);
    assert.deepEqual(await storedIds(), ["after"]);
    assert.equal((await s.store.search({ limit: 1, text: "aft", labels: { team: "x" } })).documents.length, 1);
  });

  it("writes the other documents while a month's shards are unavailable, and reports partial results as failures", async () => {
    await s.store.put([{ version: 1, document: document("march", at("03")) }]);
    await index("04", { settings: { "index.routing.allocation.require._name": "nobody" } });
    const unwritten = await s.store.put(
      ["04", "05", "04"].map((month, step) => ({ version: 1, document: document(`job-${step}`, at(month)) })),
    );
    assert.deepEqual(
      unwritten.map(({ index }) => index),
      [0, 2],
    );
    assert.match(unwritten[0]?.reason ?? "", /^503 unavailable_shards_exception/);
    await assert.rejects(s.store.search({ limit: 10 }), unavailable);
    await assert.rejects(s.store.summarize({}), unavailable);

    await s.send({
      method: "PUT",
      path: `/${s.indexPrefix}-2021.04/_settings`,
      body: { "index.routing.allocation.require._name": null },
      timeoutMs,
    });
    await s.send({ method: "GET", path: "/_cluster/health", query: { wait_for_status: "yellow" }, timeoutMs });
    assert.deepEqual(await storedIds(), ["march", "job-1"]);
  });

  it("writes the other documents if one is refused permanently", async () => {
    await s.store.put([{ version: 1, document: document("first", at("04")) }]);
    await index("06", { mappings: { properties: { runner: { type: "integer" } } } });
    const unwritten = await s.store.put(
      ["05", "06", "07"].map((month) => ({ version: 1, document: document(`job-${month}`, at(month)) })),
    );
    assert.deepEqual(
      unwritten.map(({ index }) => index),
      [1],
    );
    assert.match(unwritten[0]?.reason ?? "", /^400 mapper_parsing_exception/);
    assert.deepEqual(await storedIds(), ["first", "job-05", "job-07"]);
  });

  it("deletes the indices of expired months only", async () => {
    await s.store.put([
      { version: 1, document: document("january", at("01")) },
      { version: 1, document: document("february", at("02")) },
      { version: 1, document: document("waits", { ...at("02"), finishedAt: undefined, status: "PENDING" }) },
      { version: 1, document: document("march", at("03")) },
    ]);
    await s.settled();
    assert.equal(await s.store.expire("2021-03-15T00:00:00.000Z"), 2);
    assert.deepEqual(await storedIds(), ["waits", "march"]);
    assert.equal(await s.store.expire("2021-03-16T00:00:00.000Z"), 1);
    const { body } = await s.send<{ index: string }[]>({
      method: "GET",
      path: `/_cat/indices/${s.indexPrefix}-*`,
      query: { format: "json", s: "index" },
      timeoutMs,
    });
    const months = body.map(({ index: name }) => name.slice(-7));
    assert.deepEqual(months, ["2021.02", "2021.03"], "a month keeps its index until it has ended and has no documents");
  });
});

describe("writes to OpenSearch", () => {
  const put = async (respond: (count: number) => [status: number, body: object]) => {
    const front = await startRecordingServer(({ path, body }, response) => {
      if (!path.startsWith("/_bulk")) return json(response, 200, {});
      json(response, ...respond(body.trimEnd().split("\n").length / 2));
    });
    try {
      const store = new OpenSearchTracking({ endpoint: front.endpoint, indexPrefix: "jobs" });
      const long = "x".repeat(600_000);
      const documents = Array.from({ length: 10 }, (_, step) => ({
        version: 1,
        document: document(`job-${step}`, { long }),
      }));
      return {
        unwritten: await store.put(documents),
        bulks: front.seen.filter(({ path }) => path.startsWith("/_bulk")),
      };
    } finally {
      await front.stop();
    }
  };

  it("report each rejected document with its position", async () => {
    const error = { type: "rejected_execution_exception", reason: "queue full" };
    const { unwritten, bulks } = await put((count) => [
      200,
      {
        items: Array.from({ length: count }, (_, at) => ({
          index: at === 1 ? { status: 429, error } : { status: 200 },
        })),
      },
    ]);
    assert(bulks.length > 1 && bulks.every(({ body }) => body.length < 10 * 2 ** 20), "a small domain accepts each");
    assert.deepEqual(
      unwritten.map(({ index }) => index),
      [1, 5, 9],
    );
    assert.match(unwritten[0]?.reason ?? "", /^429 rejected_execution_exception: queue full$/);
  });

  it("report all documents of a bulk request that is too large for a proxy", async () => {
    const { unwritten } = await put(() => [413, {}]);
    assert.deepEqual(
      unwritten.map(({ reason }) => reason),
      Array.from({ length: 10 }, () => "413 too_large: The request is larger than OpenSearch accepts."),
    );
  });

  it("throw if a whole bulk request is refused with status 429 or 503", async () => {
    for (const status of [429, 503])
      await assert.rejects(
        put(() => [status, {}]),
        unavailable,
      );
  });
});
