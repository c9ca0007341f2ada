import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { job, json, start, startFakeServer } from "../../testing/cli.ts";

describe("saved views on the command line", function () {
  // A test starts up to six processes.
  this.timeout(180_000);
  let config = "";
  let api: Awaited<ReturnType<typeof startFakeServer>>;
  const searches: URLSearchParams[] = [];
  before(async () => {
    config = mkdtempSync(join(tmpdir(), "rates-views-"));
    api = await startFakeServer((call) => {
      searches.push(new URLSearchParams(call.requestLine.split("?")[1]));
      json(call, { jobs: [job("FAILED")] });
    });
  });
  after(() => {
    api.close();
    rmSync(config, { recursive: true });
  });
  beforeEach(() => searches.splice(0));
  const rates = (...args: string[]) => start(args, { ...api.env, XDG_CONFIG_HOME: config }).ended;
  const filterOf = (search = new URLSearchParams()) =>
    Object.fromEntries([...search].filter(([name]) => !name.startsWith("created")));

  it("store the filter of a list with its age relative to now, and apply it later", async () => {
    const saved = await rates(
      "list",
      "--status",
      "failed",
      "--since",
      "2h",
      "--text",
      "a b",
      "--save-view",
      "failures",
    );
    assert.equal(saved.code, 0, saved.stderr);
    assert.match(saved.stderr, /Saved as view 'failures': `rates list --view failures`/);
    const listed = await rates("view", "list");
    assert.match(listed.stdout, /^NAME +FILTER\nfailures +--status FAILED --text 'a b' --since 2h\n$/);
    assert.equal((await rates("list", "--view", "failures")).code, 0);
    const [first, second] = searches;
    assert.deepEqual(filterOf(second), { status: "FAILED", text: "a b", limit: "20" });
    // The time is relative to now, not to the time at which the view was saved.
    assert.ok(Date.parse(second?.get("createdFrom") ?? "") > Date.parse(first?.get("createdFrom") ?? ""));
  });

  it("are listed once if the name is unknown", async () => {
    const { stderr } = await rates("list", "--view", "nightly");
    assert.match(stderr, /^There is no view 'nightly'\. Known: failures; `rates list /);
  });

  it("are overridden by other flags of the command", async () => {
    await rates("list", "--view", "failures", "--status", "cancelled", "--limit", "5", "--from", "2026-01-01");
    const [search] = searches;
    assert.deepEqual(filterOf(search), { status: "CANCELLED", text: "a b", limit: "5" });
    assert.equal(search?.get("createdFrom"), "2026-01-01T00:00:00.000Z");
  });

  it("are kept when profiles change, and deleted by name", async () => {
    const file = join(config, "rates", "profiles.json");
    const profiles = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...profiles, profiles: { dev: { api: "http://127.0.0.1:1" } } }));
    await rates("profile", "use", "dev");
    await rates("profile", "use", "--none");
    await rates("profile", "remove", "dev");
    assert.deepEqual(JSON.parse((await rates("view", "list", "--json")).stdout), {
      failures: { status: "FAILED", text: "a b", since: "2h" },
    });
    assert.equal((await rates("view", "remove", "failures")).code, 0);
    assert.match((await rates("view", "list")).stderr, /^No views\./);
  });

  it("are refused without a filter, with an invalid name or time, and if they do not exist", async () => {
    for (const [args, message] of [
      [["list", "--save-view", "all"], /A view needs a filter/],
      [["list", "--status", "failed", "--save-view", "a b"], /--save-view 'a b' must consist of at most 64 letters/],
      [["list", "--view", "failure"], /There is no view 'failure'\..*No view is saved yet/],
      [["view", "remove", "toString"], /There is no view 'toString'/],
      [["list", "--since", "yesterday", "--save-view", "x"], /--since.*It must be an age/],
    ] as const) {
      const { code, stderr } = await rates(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    assert.deepEqual(searches, []);
    const file = join(config, "rates", "profiles.json");
    writeFileSync(file, JSON.stringify({ profiles: {}, views: { bad: { since: "soon" } } }));
    const { code, stderr } = await rates("list", "--view", "bad");
    assert.equal(code, 2);
    assert.match(stderr, /since 'soon' is invalid\. It must be an age/);
  });
});
