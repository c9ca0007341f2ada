import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, promisify } from "node:util";
import { ROOT } from "../runtime/platform/root.ts";
import { findPulumi, requireEngine } from "../stacks/testing/command.ts";
import type { Engine } from "../stacks/testing/engine.ts";
import { type Run, RunFailed } from "../stacks/testing/run.ts";
import { stackEngine } from "../stacks/testing/stackEngine.ts";
import { ALL_RULES } from "./explain.ts";
import { LIMIT_RULES } from "./limits/rules.ts";
import { packConfigOf } from "./packConfig.ts";
import { MUTANTS } from "./testing/mutants.ts";
import { startPack, urnOf } from "./testing/packClient.ts";
import { packEnvironment } from "./testing/packEnvironment.ts";
import { resourcesOf } from "./testing/state.ts";

const PACKS = ["limits", "security"].map((pack) => join(ROOT, "policy", pack));
const start = (
  stack: string,
  policyPacks: readonly string[] = PACKS,
  config: Record<string, unknown> = {},
): Promise<Engine> => stackEngine(stack, { policyPacks, config });

const isLimit = (rule: string): boolean => LIMIT_RULES.some(({ name }) => name === rule);
/** Timeout for a few runs of the engine on a busy machine. */
const TIMEOUT_MS = 15 * 60_000;

/** Findings other than unknown values. */
const violations = ({ findings }: Run) =>
  findings.filter(({ message }) => !message.includes("is unknown during the preview"));

describe("the policy packs on our own stacks in the real engine", () => {
  /** State of each stack after an up. */
  const states = new Map<string, unknown>();
  before(function () {
    requireEngine(this);
  });

  for (const stack of ["dev", "staging", "prod"])
    it(`find no violations in ${stack}, in a preview of a new stack and after an up`, async function () {
      this.timeout(TIMEOUT_MS);
      const engine = await start(stack);
      try {
        const preview = await engine.preview();
        assert.deepEqual(violations(preview), []);
        assert.ok(preview.findings.length > 0, "unknown values are advisories");
        const up = await engine.up();
        assert.deepEqual(violations(up), []);
        const second = await engine.preview();
        assert.deepEqual(second.findings, [], "after an up no value is unknown");
        states.set(stack, await engine.exportState());
      } finally {
        await engine.close();
      }
    });

  it("report an exceeded budget as an advisory, and stop an update with an unencrypted queue before anything is created", async function () {
    this.timeout(TIMEOUT_MS);
    const engine = await start("dev", PACKS, { "rates-platform:budget": { monthlyUsd: 1, email: "dev@example.com" } });
    try {
      const run = await engine.preview();
      assert.match(
        violations(run)
          .map(({ message }) => message)
          .join(),
        /fixed cost is about \d+ US dollars per month, \d+ more than the budget of 1:/,
      );
      assert.ok(
        violations(run).every(({ level }) => level !== "mandatory"),
        "the rule is advisory, since not all prices are verified",
      );
    } finally {
      await engine.close();
    }
    const failing = await start("dev", [join(ROOT, "policy/security")]);
    try {
      failing.use(async () => {
        const { Queue } = await import("@pulumi/aws/sqs/queue.js");
        const { Provider } = await import("@pulumi/aws/provider.js");
        const provider = new Provider("own", { region: "eu-central-1", allowedAccountIds: ["111111111111"] });
        new Queue("plain", { sqsManagedSseEnabled: false }, { provider });
        return {};
      });
      const error = await failing.up().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      assert.ok(error instanceof RunFailed);
      assert.match(error.message, /\[sqs-encrypted\] [^\n]*\nplain: sqsManagedSseEnabled is false/);
      assert.equal(failing.cloud.resources.size, 0);
    } finally {
      await failing.close();
    }
  });

  it("report every mutant of prod with the rule that must report it", async function () {
    this.timeout(TIMEOUT_MS);
    const state = states.get("prod") ?? (await upOf("prod"));
    const packs = {
      limits: await startPack("limits", packEnvironment("prod")),
      security: await startPack("security", packEnvironment("prod")),
    };
    try {
      const original = resourcesOf(state);
      const byUrn = new Map(original.map((resource) => [urnOf(resource), resource]));
      for (const pack of Object.values(packs)) assert.deepEqual(await pack.findings(original), []);
      const survivors: string[] = [];
      let total = 0;
      for (const [rule, mutants] of Object.entries(MUTANTS))
        for (const { label, mutate } of mutants) {
          total++;
          const mutant = structuredClone(original);
          mutate(mutant);
          const changed = mutant.filter((resource) => !isDeepStrictEqual(resource, byUrn.get(urnOf(resource))));
          const level = ALL_RULES.find(({ name }) => name === rule)?.level;
          const findings = await packs[isLimit(rule) ? "limits" : "security"].findings(mutant, changed);
          if (!findings.some((finding) => finding.policy === rule && finding.level === level))
            survivors.push(`${rule}: ${label}`);
        }
      console.log(`      ${total - survivors.length} of ${total} mutants killed`);
      assert.deepEqual(survivors, []);
    } finally {
      for (const pack of Object.values(packs)) await pack.close();
    }
  });

  for (const stack of ["dev", "prod"])
    it(`check the deployed stack ${stack} from its exported state, offline`, async function () {
      this.timeout(TIMEOUT_MS);
      const folder = mkdtempSync(join(tmpdir(), "rates-analyze-"));
      try {
        const file = join(folder, "state.json");
        writeFileSync(file, JSON.stringify(states.get(stack) ?? (await upOf(stack))));
        const configs = { limits: packConfigOf(stack, "limits"), security: packConfigOf(stack, "security") };
        for (const [pack, config] of Object.entries(configs)) writeFileSync(join(folder, pack), JSON.stringify(config));
        const pulumi = findPulumi();
        assert.ok(pulumi);
        const shims = fileURLToPath(new URL("../stacks/testing/bin", import.meta.url));
        const { stdout } = await promisify(execFile)(
          pulumi,
          [
            "policy",
            "analyze",
            "--file",
            file,
            ...PACKS.flatMap((pack) => ["--policy-pack", pack]),
            ...Object.keys(configs).flatMap((pack) => ["--policy-pack-config", join(folder, pack)]),
            "--json",
            "--non-interactive",
          ],
          {
            cwd: folder,
            env: {
              ...process.env,
              PATH: [dirname(process.execPath), shims, process.env.PATH ?? ""].join(delimiter),
              PULUMI_SKIP_UPDATE_CHECK: "true",
            },
            maxBuffer: 64 * 1024 * 1024,
          },
        );
        assert.doesNotMatch(stdout, /"enforcementLevel":"mandatory"/);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

  async function upOf(stack: string): Promise<unknown> {
    const engine = await start(stack, []);
    try {
      await engine.up();
      return await engine.exportState();
    } finally {
      await engine.close();
    }
  }
});
