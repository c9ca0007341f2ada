import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { sampleTables } from "../../db/sample/load.ts";
import { freePort } from "../local/ports.ts";
import { build, compose, docker, eventually, postgresImage, requireDocker } from "../testing/image/engine.ts";

/** Password with characters that are special in a shell, a URL and an env file. */
const PASSWORD = "pa$s'w/ord: @%41#";

describe("compose.yaml", () => {
  /** A compose project with its own containers, volumes and ports. */
  class Project {
    readonly name = `rates-test-${randomBytes(4).toString("hex")}`;
    readonly env: NodeJS.ProcessEnv;
    readonly api: string;
    constructor(ports: number[], env: NodeJS.ProcessEnv) {
      const [port, awsPort] = ports;
      this.api = `http://127.0.0.1:${port}`;
      this.env = { ...process.env, DB_PASSWORD: PASSWORD, RATES_PORT: `${port}`, RATES_AWS_PORT: `${awsPort}`, ...env };
      projects.push(this);
    }
    run(...args: string[]) {
      return compose(this.name, this.env, "--profile", "platform", ...args);
    }
    /** Starts the API with its dependencies, or the named services, and waits until the API is ready. */
    async up(...services: string[]): Promise<void> {
      await compose(this.name, this.env, "up", "--detach", "--no-build", ...(services.length ? services : ["api"]));
      await eventually(
        "the API answers",
        () => fetch(`${this.api}/readyz`),
        ({ ok }) => ok,
      );
    }
    /**
     * Ends the project.
     * @returns The exit code of each service that was running.
     */
    async down(...flags: string[]): Promise<Record<string, string>> {
      const since = await docker("info", "--format", "{{.SystemTime}}");
      await this.run("down", ...flags);
      const until = await docker("info", "--format", "{{.SystemTime}}");
      const label = (name: string) => `{{index .Actor.Attributes "${name}"}}`;
      const died = await docker(
        ...["events", "--since", since, "--until", until, "--filter", "event=die"],
        ...["--filter", `label=com.docker.compose.project=${this.name}`],
        ...["--format", `${label("com.docker.compose.service")} ${label("exitCode")}`],
      );
      return Object.fromEntries(died.split("\n").map((line) => line.split(" ")));
    }
    async rates(lane: Record<string, string>): Promise<unknown> {
      const response = await fetch(`${this.api}/rates?${new URLSearchParams(lane)}`);
      return ((await response.json()) as { rates: unknown }).rates;
    }
  }

  const projects: Project[] = [];
  const project = async (env: NodeJS.ProcessEnv = {}) => new Project([await freePort(), await freePort()], env);
  before(async function () {
    await requireDocker(this);
    await build("image");
    await build("local");
  });
  after(async function () {
    this.timeout(120_000);
    for (const one of projects) await one.run("down", "--volumes");
  });
  beforeEach(function () {
    this.timeout(180_000);
    this.currentTest?.timeout(180_000);
  });

  it("refuses to start without DB_PASSWORD, and names the remedy", async () => {
    const { name, env } = await project({ DB_PASSWORD: "" });
    projects.pop();
    await assert.rejects(compose(name, env, "up", "--detach"), /choose a password .* export DB_PASSWORD/);
  });

  it("starts with the sample, answers /rates, keeps its data, and ends with code 0", async () => {
    const one = await project();
    await one.up();
    assert.deepEqual(await one.rates(LANE), expectedOfSample());

    // The container gets the password; the images do not contain it.
    const [postgres = ""] = (await one.run("ps", "--quiet", "postgres")).split("\n");
    assert.match(await docker("inspect", postgres), /POSTGRES_PASSWORD/);
    assert.doesNotMatch(await docker("image", "inspect", "rates-platform", postgresImage()), /PASSWORD/);

    assert.deepEqual(await one.down(), { api: "0", postgres: "0" });
    await one.up();
    assert.deepEqual(await one.rates(LANE), expectedOfSample());
    assert.doesNotMatch(await one.run("logs", "database"), /Loading/);
  });

  it("loads the file that RATES_DUMP names, only on the first start", async () => {
    const one = await project({ RATES_DUMP: "./db/testing/dump.sql" });
    const lane = { date_from: "2021-03-01", date_to: "2021-03-02", orig_code: "CNSHA", dest_code: "SEGOT" };
    const expected = [
      { day: "2021-03-02", count: 2, price: null },
      { day: "2021-03-01", count: 3, price: 3400 / 3 },
    ];
    await one.up();
    assert.deepEqual(await one.rates(lane), expected);
    await one.down();
    await one.up();
    assert.deepEqual(await one.rates(lane), expected);
    assert.match(await one.run("logs", "database"), /already exists; the dump is ignored/);

    one.env.DB_PASSWORD = "another";
    await assert.rejects(one.up());
    assert.match(
      await one.run("logs", "database"),
      /refuses DB_PASSWORD: the data directory was created with another password/,
    );
  });

  it("reports the line of an invalid dump, and does not start the API", async () => {
    const one = await project({ RATES_DUMP: "./package.json" });
    await assert.rejects(one.up());
    assert.match(await one.run("logs", "database"), /dump\.sql, line 1: /);
    assert.equal(await one.run("ps", "--quiet", "--filter", "status=running", "api"), "");
  });

  it("runs the whole platform: jobs pass API, queues, dispatcher and runners, and survive a restart", async () => {
    const one = await project();
    await one.up("api", "cloud", "dispatcher");
    const token = await one.run("run", "--rm", "-T", "database", "node", "runtime/image/token.ts", "--name", "test");
    const headers = { authorization: `Bearer ${token.split("\n").at(-1)}`, "content-type": "application/json" };
    const response = (id: string) =>
      eventually(
        `the response of ${id}`,
        () => fetch(`${one.api}/jobs/${id}/response`, { headers }),
        ({ status }) => status === 200,
      ).then((answer) => answer.json() as Promise<JobResponse>);
    const submit = async (requestId: string, task: object) => {
      const body = JSON.stringify({ requestId, task });
      const answer = await fetch(`${one.api}/jobs`, { method: "POST", headers, body });
      assert.equal(answer.status, 202, await answer.text());
      return response(requestId);
    };

    const day = { ...LANE, date_from: "2031-05-05", date_to: "2031-05-05" };
    const items = [100, 200, 600].map((price) => ({
      ...{ orig_code: LANE.orig_code, dest_code: LANE.dest_code, day: day.date_from },
      price,
    }));
    const update = { type: "update", target: "prices", mode: "append", source: { inline: items } };
    const loaded = await submit("load", update);
    assert.equal(loaded.status, "SUCCEEDED", JSON.stringify(loaded));
    const average = [{ count: 3, day: day.date_from, price: 300 }];
    assert.deepEqual(await one.rates(day), average);
    const read = await submit("read", { type: "read", query: "average_rates", format: "json", params: day });
    assert.deepEqual(read.result.inline, average, JSON.stringify(read));

    const codes = await one.down();
    assert.deepEqual(codes, { dispatcher: "0", cloud: "0", api: "0", postgres: "0" });
    await one.up();
    assert.deepEqual(await one.rates(day), average);
    assert.equal((await response("load")).responseId, loaded.responseId);
  });
});

/** Fields of a response that the test checks. */
interface JobResponse {
  responseId: string;
  status: string;
  result: { inline: unknown };
}

const LANE = { date_from: "2021-01-20", date_to: "2021-01-31", orig_code: "AEJEA", dest_code: "ITSPE" };

/** Computes the expected answer of /rates for LANE from the sample's rows. */
function expectedOfSample(): object[] {
  const lines = [...(sampleTables().at(-1)?.lines ?? [])]
    .join("")
    .split("\n")
    .map((line) => line.split("\t"));
  const days = Array.from({ length: 12 }, (_, index) => `2021-01-${31 - index}`);
  return days.map((day) => {
    const prices = lines
      .filter(([orig, dest, on]) => orig === LANE.orig_code && dest === LANE.dest_code && on === day)
      .map((columns) => Number(columns[3]));
    const sum = prices.reduce((total, price) => total + price, 0);
    return { day, count: prices.length || null, price: prices.length < 3 ? null : sum / prices.length };
  });
}
