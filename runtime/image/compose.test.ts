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
        "the API responds",
        () => fetch(`${this.api}/readyz`),
        ({ ok }) => ok,
      );
    }
    /**
     * Stops the project and removes its containers.
     * @returns The exit code of each service that was running.
     */
    async down(...flags: string[]): Promise<Record<string, string>> {
      const since = await docker("info", "--format", "{{.SystemTime}}");
      await this.run("down", ...flags);
      const until = await docker("info", "--format", "{{.SystemTime}}");
      const label = (name: string) => `{{index .Actor.Attributes "${name}"}}`;
      const exits = await docker(
        ...["events", "--since", since, "--until", until, "--filter", "event=die"],
        ...["--filter", `label=com.docker.compose.project=${this.name}`],
        ...["--format", `${label("com.docker.compose.service")} ${label("exitCode")}`],
      );
      return Object.fromEntries(exits.split("\n").map((line) => line.split(" ")));
    }
    async rates(lane: Record<string, string>): Promise<unknown> {
      const response = await fetch(`${this.api}/rates?${new URLSearchParams(lane)}`);
      return ((await response.json()) as { rates: unknown }).rates;
    }
  }

  const projects: Project[] = [];
  const newProject = async (env: NodeJS.ProcessEnv = {}) => new Project([await freePort(), await freePort()], env);
  before(async function () {
    await requireDocker(this);
    await build("image");
    await build("local");
  });
  after(async function () {
    this.timeout(120_000);
    for (const project of projects) await project.run("down", "--volumes");
  });
  beforeEach(function () {
    this.timeout(180_000);
    this.currentTest?.timeout(180_000);
  });

  it("refuses to start without DB_PASSWORD, and names the remedy", async () => {
    const { name, env } = await newProject({ DB_PASSWORD: "" });
    projects.pop();
    await assert.rejects(compose(name, env, "up", "--detach"), /choose a password .* export it as DB_PASSWORD/);
  });

  it("starts with the sample data, serves /rates, keeps its data, and exits with code 0", async () => {
    const project = await newProject();
    await project.up();
    assert.deepEqual(await project.rates(LANE), expectedRates());

    // The container gets the password; the images do not contain it.
    const [postgres = ""] = (await project.run("ps", "--quiet", "postgres")).split("\n");
    assert.match(await docker("inspect", postgres), /POSTGRES_PASSWORD/);
    assert.doesNotMatch(await docker("image", "inspect", "rates-platform", postgresImage()), /PASSWORD/);

    assert.deepEqual(await project.down(), { api: "0", postgres: "0" });
    await project.up();
    assert.deepEqual(await project.rates(LANE), expectedRates());
    assert.doesNotMatch(await project.run("logs", "database"), /Loading/);
  });

  it("loads the file that RATES_DUMP names, only on the first start", async () => {
    const project = await newProject({ RATES_DUMP: "./db/testing/dump.sql" });
    const lane = { date_from: "2021-03-01", date_to: "2021-03-02", orig_code: "CNSHA", dest_code: "SEGOT" };
    const expected = [
      { day: "2021-03-02", count: 2, price: null },
      { day: "2021-03-01", count: 3, price: 3400 / 3 },
    ];
    await project.up();
    assert.deepEqual(await project.rates(lane), expected);
    await project.down();
    await project.up();
    assert.deepEqual(await project.rates(lane), expected);
    assert.match(await project.run("logs", "database"), /already exists; the dump is ignored/);

    project.env.DB_PASSWORD = "another";
    await assert.rejects(project.up());
    assert.match(
      await project.run("logs", "database"),
      /refuses DB_PASSWORD: the data directory was created with another password/,
    );
  });

  it("reports the line of an invalid dump, and does not start the API", async () => {
    const project = await newProject({ RATES_DUMP: "./package.json" });
    await assert.rejects(project.up());
    assert.match(await project.run("logs", "database"), /dump\.sql, line 1: /);
    assert.equal(await project.run("ps", "--quiet", "--filter", "status=running", "api"), "");
  });

  it("runs the whole platform: jobs pass through API, queues, dispatcher and runners, and survive a restart", async () => {
    const project = await newProject();
    await project.up("api", "cloud", "dispatcher");
    const token = await project.run(
      "run",
      "--rm",
      "-T",
      "database",
      "node",
      "runtime/image/token.ts",
      "--name",
      "test",
    );
    const headers = { authorization: `Bearer ${token.split("\n").at(-1)}`, "content-type": "application/json" };
    const response = (id: string) =>
      eventually(
        `the response of ${id}`,
        () => fetch(`${project.api}/jobs/${id}/response`, { headers }),
        ({ status }) => status === 200,
      ).then((response) => response.json() as Promise<JobResponse>);
    const submit = async (requestId: string, task: object) => {
      const body = JSON.stringify({ requestId, task });
      const submitted = await fetch(`${project.api}/jobs`, { method: "POST", headers, body });
      assert.equal(submitted.status, 202, await submitted.text());
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
    assert.deepEqual(await project.rates(day), average);
    const read = await submit("read", { type: "read", query: "average_rates", format: "json", params: day });
    assert.deepEqual(read.result.inline, average, JSON.stringify(read));

    const codes = await project.down();
    assert.deepEqual(codes, { dispatcher: "0", cloud: "0", api: "0", postgres: "0" });
    await project.up();
    assert.deepEqual(await project.rates(day), average);
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

/** Computes the expected response of /rates for LANE from the sample's rows. */
function expectedRates(): object[] {
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
