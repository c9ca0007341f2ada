import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import stringWidth from "string-width";
import { type Call, json, start, startFakeServer } from "../../testing/cli.ts";
import type { Client } from "../lib/apiClient.ts";
import { type Check, checksText } from "../lib/doctor.ts";
import { quotaCheck } from "../lib/doctorAws.ts";
import { commandCheck, ownNodeCheck } from "../lib/doctorMachine.ts";
import { clockCheck, platformChecks } from "../lib/doctorPlatform.ts";
import { EXITS } from "../lib/exits.ts";

/** Starts a platform whose token has these scopes; `override` may respond to a call instead. */
function platform(scopes: readonly string[], override: (call: Call) => unknown = () => undefined) {
  const refuse = (call: Call, status: number, detail: string) =>
    json(call, { type: status === 403 ? "Forbidden" : "x", title: "x", status, detail }, status);
  return startFakeServer((call) => {
    if (override(call) !== undefined) return;
    const requiredScope = { "GET /queries": "read", "POST /jobs": "submit", "POST /uploads": "update" }[
      call.requestLine
    ];
    const needed =
      requiredScope ??
      (call.requestLine.includes("/cancel") ? "cancel" : call.requestLine.includes("tenant=") ? "admin" : undefined);
    if (needed === undefined) return json(call, {});
    if (!scopes.includes(needed)) return refuse(call, 403, `This token may not ${needed}.`);
    if (needed === "cancel") return refuse(call, 404, "There is no such job.");
    return needed === "submit" ? refuse(call, 400, "must be a JSON object.") : json(call, {});
  });
}
const UNREACHABLE = "http://127.0.0.1:1";
const byName = (stdout: string) =>
  new Map((JSON.parse(stdout).checks as Check[]).map((check) => [check.name, check] as const));

describe("rates doctor", () => {
  const started: { close(): void }[] = [];
  const closeLater = <T extends { close(): void }>(server: T): T => {
    started.push(server);
    return server;
  };
  afterEach(() => {
    for (const server of started.splice(0)) server.close();
  });

  it("finds no problems on a healthy platform, and changes nothing", async () => {
    const api = closeLater(await platform(["read", "submit", "update", "cancel", "admin"]));
    const { code, stdout } = await start(["doctor", "--json"], api.env).ended;
    assert.equal(code, 0, stdout);
    const checks = byName(stdout);
    assert.equal(checks.get("token")?.finding, "may read, submit, update, cancel, admin");
    for (const name of ["Node of this command", "node", "npm", "platform", "clock", "database", "token"])
      assert.equal(checks.get(name)?.outcome, "passed", name);
    assert.equal(api.calls.filter((call) => call.startsWith("POST")).length, 3, "probes of submit, update and cancel");
  });

  it("reports missing scopes, and an unknown token", async () => {
    const api = closeLater(await platform(["read"]));
    assert.equal(byName((await start(["doctor", "--json"], api.env).ended).stdout).get("token")?.finding, "may read");
    const rejecting = closeLater(
      await platform([], (call) =>
        call.requestLine === "GET /queries"
          ? json(call, { type: "Unauthorized", title: "x", status: 401, detail: "This token is not known." }, 401)
          : undefined,
      ),
    );
    const { code, stdout } = await start(["doctor"], rejecting.env).ended;
    assert.equal(code, EXITS.failed.code);
    assert.match(stdout, /^✘ token +This token is not known\.\n +→ .*rates token create/m);
  });

  it("fails with the next step if the platform or its database is down", async () => {
    const unreachable = await start(["doctor"], { RATES_API: UNREACHABLE, RATES_TOKEN: "x" }).ended;
    assert.equal(unreachable.code, EXITS.failed.code);
    assert.match(unreachable.stdout, /^✘ platform .*does not respond/m);
    assert.match(unreachable.stdout, /^– token +skipped/m);
    const broken = closeLater(
      await platform(["read"], (call) =>
        call.requestLine === "GET /readyz"
          ? json(call, { type: "DatabaseUnavailable", title: "x", status: 503, detail: "No connection." }, 503)
          : undefined,
      ),
    );
    assert.match(
      (await start(["doctor"], broken.env).ended).stdout,
      /^✘ database +No connection\.\n +→ Check that Postgres/m,
    );
  });

  it("keeps the other findings if a probe exceeds its time limit", async () => {
    const slow = {
      base: UNREACHABLE,
      jobPath: () => "/jobs/a/cancel",
      fetch: async (_method: string, path: string) => {
        if (path === "/uploads") throw new DOMException("The operation was aborted due to timeout", "TimeoutError");
        return new Response("", { headers: { date: new Date().toUTCString() } });
      },
    } as unknown as Client;
    const checks = await platformChecks(slow);
    assert.deepEqual(
      checks.map(({ name, outcome }) => [name, outcome]),
      [
        ["platform", "passed"],
        ["clock", "passed"],
        ["database", "passed"],
        ["token", "failed"],
      ],
    );
    assert.match(checks.at(-1)?.finding ?? "", /^POST \/uploads does not respond within 10 s$/);
  });

  it("accepts a clock difference of up to 30 seconds, and reports larger differences", () => {
    const at = Date.parse("2026-01-01T12:00:00Z");
    const header = new Date(at).toUTCString();
    assert.equal(clockCheck(header, at - 50, at + 999).outcome, "passed");
    assert.equal(clockCheck(header, at + 999, at + 1_050).finding, "agrees with the platform's", "whole seconds");
    assert.equal(clockCheck(header, at + 30_999, at + 31_000).outcome, "passed");
    assert.equal(clockCheck(header, at + 31_000, at + 31_000).outcome, "failed");
    const ahead = clockCheck(header, at + 120_000, at + 120_100);
    assert.deepEqual([ahead.outcome, /is 119 s ahead of/.test(ahead.finding)], ["failed", true]);
    assert.match(clockCheck(header, at - 120_100, at - 120_000).finding, /is 120 s behind/);
    assert.equal(clockCheck(null, at, at).outcome, "skipped");
  });

  it("reports commands that are missing, too old or broken", () => {
    const directory = mkdtempSync(join(tmpdir(), "rates-doctor-"));
    const { PATH } = process.env;
    try {
      process.env.PATH = directory;
      assert.match(commandCheck("npm").finding, /no npm command/);
      writeFileSync(join(directory, "npm"), "#!/bin/sh\necho 6.14.0\n", { mode: 0o755 });
      assert.deepEqual(
        [commandCheck("npm").outcome, commandCheck("npm").finding],
        ["failed", "6.14.0 is too old; the minimum is 9"],
      );
      writeFileSync(join(directory, "npm"), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
      assert.equal(commandCheck("npm").finding, "the npm command fails: exit code 3");
    } finally {
      process.env.PATH = PATH;
      rmSync(directory, { recursive: true });
    }
    assert.equal(ownNodeCheck("20.1.0").outcome, "failed");
    assert.equal(ownNodeCheck("20.18.0", false).outcome, "passed", "the minimum of the installed package");
    assert.equal(ownNodeCheck("20.17.0", false).outcome, "failed");
    assert.equal(ownNodeCheck("22.0.0", false).outcome, "passed");
    assert.match(ownNodeCheck("18.0.0", false).remedy ?? "", /Install Node 20/);
  });

  it("fits a narrow terminal without cutting remedies", () => {
    const remedy = "do this and that and then something else that takes many words to say";
    const checks: Check[] = [{ name: "quotas.ec2Vcpus", outcome: "failed", finding: "too few", remedy }];
    const text = checksText(checks, 50);
    for (const line of text.split("\n")) assert(stringWidth(line) <= 50, line);
    assert(text.replace(/\s+/g, " ").includes(remedy));
    assert.match(text, /0 passed, 1 failed, 0 skipped$/);
  });
});

describe("rates doctor --stack", () => {
  const ACCOUNT = "111111111111";
  let directory = "";
  let sts: Awaited<ReturnType<typeof startFakeServer>>;
  let quotas: Awaited<ReturnType<typeof startFakeServer>>;
  let account = ACCOUNT;
  let isRefused = false;
  const granted = new Map<string, number>();
  const unchanged = new Set<string>();
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "rates-doctor-"));
    writeFileSync(join(directory, "pulumi"), "#!/bin/sh\necho v3.270.0\n", { mode: 0o755 });
    sts = await startFakeServer(({ response }) => {
      if (isRefused)
        return response
          .writeHead(403, { "content-type": "text/xml" })
          .end(
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>',
          );
      return response
        .writeHead(200, { "content-type": "text/xml" })
        .end(
          `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::${account}:assumed-role/preview/me</Arn><UserId>me</UserId><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
        );
    });
    quotas = await startFakeServer((call) => {
      const { QuotaCode } = JSON.parse(call.body.toString());
      // Service Quotas has no value for a quota that was never changed, only its default.
      if (unchanged.delete(QuotaCode)) return json(call, { __type: "NoSuchResourceException" }, 400);
      return json(call, { Quota: { QuotaCode, Value: granted.get(QuotaCode) ?? 5_000 } });
    });
  });
  after(() => {
    sts.close();
    quotas.close();
    rmSync(directory, { recursive: true });
  });
  const doctor = (credentials: boolean, env: Record<string, string> = {}) =>
    start(["doctor", "--stack", "dev", "--json"], {
      PATH: `${directory}${delimiter}${process.env.PATH}`,
      HOME: directory,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_ENDPOINT_URL_SERVICE_QUOTAS: quotas.url,
      ...(credentials ? { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "very-secret" } : {}),
      ...env,
    }).ended;

  it("compares the account and every quota with the stack's configuration", async () => {
    account = ACCOUNT;
    granted.set("L-5E4153CA", 20);
    const { code, stdout } = await doctor(true);
    const checks = byName(stdout);
    assert.equal(code, EXITS.failed.code, "a quota is short");
    assert.equal(checks.get("pulumi")?.outcome, "passed");
    assert.match(checks.get("AWS account")?.finding ?? "", /assumed-role\/preview\/me/);
    const runs = checks.get("quotas.glueRuns");
    assert.deepEqual([runs?.outcome, /has 20 .* assumes 50$/.test(runs?.finding ?? "")], ["failed", true]);
    assert.match(runs?.remedy ?? "", /Write 20 there, or have quota L-5E4153CA raised in eu-central-1/);
    assert.equal(checks.get("quotas.fargateVcpus")?.outcome, "passed");
    assert.equal([...checks.keys()].filter((name) => name.startsWith("quotas.")).length, 7);
    assert(!stdout.includes("very-secret"));
  });

  it("uses the default of a quota that was never changed", async () => {
    account = ACCOUNT;
    granted.set("L-5E4153CA", 20);
    unchanged.add("L-5E4153CA");
    const before = quotas.calls.length;
    const runs = byName((await doctor(true)).stdout).get("quotas.glueRuns");
    assert.match(runs?.finding ?? "", /has 20 .* assumes 50$/);
    assert.equal(quotas.calls.length, before + 8, "one quota is requested twice");
  });

  it("compares the quotas of both markets if Spot falls back to On-Demand", async () => {
    account = ACCOUNT;
    granted.set("L-1216C47A", 1);
    const checks = byName((await doctor(true)).stdout);
    granted.delete("L-1216C47A");
    const short = checks.get("quotas.ec2Vcpus (L-1216C47A)");
    assert.match(short?.finding ?? "", /has 1 .* assumes \d+$/);
    assert.equal(checks.get("quotas.ec2Vcpus (L-34B43A08)")?.outcome, "passed");
  });

  it("does not request quotas of another account", async () => {
    account = "999999999999";
    const before = quotas.calls.length;
    const { code, stdout } = await doctor(true);
    assert.equal(code, EXITS.failed.code);
    assert.match(
      byName(stdout).get("AWS account")?.finding ?? "",
      /belongs to account 999999999999, but stack dev to 111111111111/,
    );
    assert.equal(byName(stdout).get("quotas")?.outcome, "skipped");
    assert.equal(quotas.calls.length, before);
  });

  it("skips the AWS checks if there are no credentials, and does not fail", async () => {
    const { code, stdout } = await doctor(false);
    assert.equal(code, 0, stdout);
    assert.equal(byName(stdout).get("AWS account")?.outcome, "skipped");
    assert.match(byName(stdout).get("AWS account")?.remedy ?? "", /aws sso login/);
    assert.equal(byName(stdout).get("capacity")?.outcome, "passed");
  });

  it("reports why the credentials cannot be used, for example an expired session", async () => {
    mkdirSync(join(directory, ".aws"));
    const profile = ["[profile expired]", "sso_session = s", `sso_account_id = ${ACCOUNT}`, "sso_role_name = r"];
    const session = ["[sso-session s]", "sso_start_url = https://example.invalid", "sso_region = eu-central-1"];
    writeFileSync(join(directory, ".aws/config"), [...profile, ...session].join("\n"));
    const check = byName((await doctor(false, { AWS_PROFILE: "expired" })).stdout).get("AWS account");
    assert.equal(check?.outcome, "skipped");
    assert.match(check?.finding ?? "", /^no usable AWS credentials: The SSO session .*aws sso login/);
  });

  it("reports credentials that AWS refuses", async () => {
    isRefused = true;
    const { code, stdout } = await doctor(true);
    isRefused = false;
    assert.equal(code, EXITS.failed.code);
    const check = byName(stdout).get("AWS account");
    assert.equal(check?.finding, "AWS refuses the credentials: The security token included in the request is invalid.");
    assert.match(check?.remedy ?? "", /aws sso login/);
  });

  it("does not call credentials refused if AWS cannot be reached", async () => {
    const { code, stdout } = await doctor(true, { AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" });
    assert.equal(code, EXITS.failed.code);
    const check = byName(stdout).get("AWS account");
    assert.match(check?.finding ?? "", /^the AWS credentials could not be verified: connect ECONNREFUSED/);
    assert.match(check?.remedy ?? "", /can connect to AWS \(sts\.eu-central-1\.amazonaws\.com\)/);
  });

  it("advises to name an existing stack if the name is unknown", async () => {
    const env = { PATH: `${directory}${delimiter}${process.env.PATH}` };
    const { code, stdout } = await start(["doctor", "--stack", "prd", "--json"], env).ended;
    assert.equal(code, EXITS.failed.code);
    const check = byName(stdout).get("capacity");
    assert.match(check?.finding ?? "", /^There is no stack 'prd'/);
    assert.match(check?.remedy ?? "", /^Give --stack the NAME of a file Pulumi\.NAME\.yaml/);
  });

  it("passes if the account has at least the stack's quotas", () => {
    const quota = { check: "q", stack: "dev", assumed: 8, unit: "runs", code: "L-1", region: "eu-central-1" };
    assert.deepEqual(
      [7, 8, 9].map((granted) => quotaCheck({ ...quota, granted }).outcome),
      ["failed", "passed", "passed"],
    );
  });
});
