import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { burstOf } from "../../../stacks/planning/headroom.ts";
import { smallJobCapacity } from "../../../stacks/planning/smallJobs.ts";
import { json, start, startFakeServer } from "../../testing/cli.ts";
import { burstText, capacityText } from "../lib/capacityText.ts";
import { CommandError, EXITS } from "../lib/exits.ts";
import { plannedStack } from "../lib/stackFile.ts";

describe("rates capacity", () => {
  it("fits runs, limits and connections of a stack into terminals of 70 columns and more", () => {
    const prod = plannedStack("prod");
    const { plan } = prod;
    for (const columns of [70, 80, 140]) {
      const bursts = burstOf(prod.config, plan, 5_000, 60);
      const text = stripVTControlCharacters(
        `${capacityText("prod", prod, columns)}\n${burstText(bursts, 60, columns)}`,
      );
      for (const line of text.split("\n")) assert(stringWidth(line) <= columns, `${columns}: ${line}`);
    }
    const text = stripVTControlCharacters(capacityText("prod", prod, 140));
    assert.match(text, /^Stack prod: account 333333333333 in eu-central-1, 100 % of its quotas$/m);
    assert(text.includes(`Glue  ${plan.glue.maxConcurrentRuns} runs at once`));
    assert.match(text, /limited by runners\.glue\.maxRuns; for more, raise runners\.glue\.maxRuns/);
    assert.match(text, /^ *78 % .* 200 +256 +vCPUs +quotas\.ec2Vcpus 256/m);
    assert.match(
      text,
      new RegExp(`^free .* ${(plan.database.usable - plan.database.total).toLocaleString("en")}$`, "m"),
    );
  });

  it("shows how many small jobs per second the database can run, and what to change for more", () => {
    const { config, plan } = plannedStack("dev");
    const text = (storageGb: number, instanceClass: string) =>
      stripVTControlCharacters(
        capacityText(
          "dev",
          { config: { ...config, database: { ...config.database, storageGb, instanceClass } }, plan },
          200,
        ),
      );
    const { processorLimit, commitLimit, baselinePerSecond } = smallJobCapacity("db.t4g.medium", 20);
    assert(processorLimit < commitLimit);
    assert.match(
      text(20, "db.t4g.medium"),
      new RegExp(
        `Database +about ${Math.floor(processorLimit)} small jobs per second, limited by its processor; .*larger database`,
      ),
    );
    assert.match(
      text(20, "db.t4g.medium"),
      new RegExp(`^ +${Math.floor(baselinePerSecond ?? 0)} of them without CPU credits`, "m"),
    );
    const large = text(20, "db.r7g.4xlarge");
    assert.match(large, /limited by its disk; for more, set database\.storageGb to 400 or more/);
    assert.doesNotMatch(large, /CPU credits/);
  });

  it("estimates a burst of reads and a burst of updates", async () => {
    const { code, stdout } = await start(["capacity", "--stack", "dev", "--burst", "120", "--seconds", "10"], {}).ended;
    assert.equal(code, 0);
    // Reads use 8 Glue runs and 4 instances, in 10 rounds of 10 s. Updates use only the instances, in 30 rounds.
    assert.match(stdout, /^reads +12 +10 +1 min 40 s +1 min 30 s +\$0\.\d\d +8 Glue \+ 4 EC2$/m);
    assert.match(stdout, /^updates +4 +30 +5 min 0 s /m);
  });

  it("prints JSON", async () => {
    const { stdout } = await start(["capacity", "--stack", "dev", "--burst", "12", "--json"], {}).ended;
    const { plan, room, smallJobs, burst } = JSON.parse(stdout);
    assert.equal(plan.glue.maxConcurrentRuns, 8);
    assert.equal(smallJobs.limit, "processor");
    assert.equal(room.ec2.runs, 4);
    assert.deepEqual(
      burst.map(({ work, atOnce }: { work: string; atOnce: number }) => [work, atOnce]),
      [
        ["reads", 12],
        ["updates", 4],
      ],
    );
  });

  it("shows the runs in use of a running platform, otherwise only the plan", async () => {
    const api = await startFakeServer((call) =>
      json(call, { capacity: { glue: { running: 3, slots: 6 }, ec2: { running: 0, slots: 2 } } }),
    );
    const { stdout } = await start(["capacity"], api.env).ended;
    api.close();
    assert.deepEqual(api.calls, ["GET /stats"]);
    assert.match(stdout, /3 of 6 running now/);
    const planOnly = await start(["capacity"], { RATES_API: "http://127.0.0.1:1", RATES_TOKEN: "x" }).ended;
    assert.equal(planOnly.code, 0);
    assert.match(planOnly.stderr, /^Runs in use are unknown/m);
    assert.match(planOnly.stdout, /^Stack dev/);
    assert.match(
      planOnly.stderr,
      /^http:\/\/127\.0\.0\.1:1 does not name its stack\. .* plan of dev; --stack selects/m,
    );
  });

  it("shows the stack whose plan the platform on this machine uses", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rates-capacity-"));
    const api = await startFakeServer((call) =>
      json(call, { capacity: { glue: { running: 1, slots: 4 }, ec2: { running: 0, slots: 2 } } }),
    );
    writeFileSync(join(directory, "platform.json"), JSON.stringify({ api: api.url, token: "token", stack: "staging" }));
    const { stdout, stderr } = await start(["capacity", "--data-dir", directory], {}).ended;
    api.close();
    rmSync(directory, { recursive: true });
    assert.match(stdout, /^Stack staging: [\s\S]*1 of 4 running now/);
    assert.equal(stderr, "");
  });

  it("does not show the plan of the local platform's stack for the platform of a profile", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rates-capacity-"));
    const api = await startFakeServer((call) =>
      json(call, { capacity: { glue: { running: 1, slots: 4 }, ec2: { running: 0, slots: 2 } } }),
    );
    const local = { api: "http://127.0.0.1:1", token: "token", stack: "staging" };
    writeFileSync(join(directory, "platform.json"), JSON.stringify(local));
    mkdirSync(join(directory, "rates"));
    const profiles = { current: "other", profiles: { other: { api: api.url, token: "token" } } };
    writeFileSync(join(directory, "rates", "profiles.json"), JSON.stringify(profiles));
    const env = { RATES_DATA_DIR: directory, XDG_CONFIG_HOME: directory };
    const { stdout, stderr } = await start(["capacity"], env).ended;
    api.close();
    rmSync(directory, { recursive: true });
    assert.match(stdout, /^Stack dev: [\s\S]*1 of 4 running now/);
    assert.match(stderr, new RegExp(`^${api.url} does not name its stack\\. This is the plan of dev`));
  });

  it("lists the existing stacks if the name is unknown, and reports an invalid file", async () => {
    const { code, stderr } = await start(["capacity", "--stack", "prd"], {}).ended;
    assert.equal(code, EXITS.invalid.code);
    assert.match(stderr, /no stack 'prd' \(no Pulumi\.prd\.yaml\)\. Did you mean 'prod'\?\n/);
    const other = await start(["capacity", "--stack", "sandbox"], {}).ended;
    assert.match(other.stderr, /no stack 'sandbox' \(no Pulumi\.sandbox\.yaml\)\. Known: dev, prod, staging\.\n/);
    assert.equal((await start(["capacity", "--burst", "0"], {}).ended).code, EXITS.invalid.code);
    const directory = mkdtempSync(join(tmpdir(), "rates-stack-"));
    writeFileSync(join(directory, "Pulumi.bad.yaml"), "config: {}\n");
    assert.throws(
      () => plannedStack("bad", directory),
      (error) => error instanceof CommandError && /Pulumi\.bad\.yaml is not valid:\n {2}account/.test(error.message),
    );
    rmSync(directory, { recursive: true });
  });
});
