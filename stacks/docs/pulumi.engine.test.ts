import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative, sep } from "node:path";
import { parse } from "yaml";
import { findPulumi, requireEngine } from "../testing/command.ts";
import { awsProvider } from "../testing/provider/aws/provider.ts";
import { awsxProvider } from "../testing/provider/awsx.ts";
import { Cloud } from "../testing/provider/cloud.ts";
import { packageVersion } from "../testing/provider/declared.ts";
import { dockerProvider } from "../testing/provider/docker.ts";
import { type RunningProvider, serve } from "../testing/provider/server.ts";
import { blocksOf } from "./commands.ts";
import { pathOf } from "./pages.ts";

const HERE = "stacks/docs/pulumi.engine.test.ts";
/** Pages in the order of a stack's life cycle. */
const PAGES = ["stacks/account/README.md", "docs/first-deployment.md", "docs/operating.md"];
const languageHost = pathOf("stacks/testing/languageHost");

/** A copy of the clone in which the pulumi command runs as a reader types it, with simulated providers. */
class Clone {
  readonly folder: string;
  readonly #home: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(pulumi: string, servedProviders: ReadonlyMap<string, RunningProvider>) {
    this.#home = mkdtempSync(join(tmpdir(), "rates-pulumi-"));
    this.folder = join(this.#home, "clone");
    const root = pathOf(".");
    cpSync(root, this.folder, {
      recursive: true,
      filter: (source) => {
        const [first = ""] = relative(root, source).split(sep);
        return first !== "node_modules" && first !== ".git" && !first.startsWith(".local");
      },
    });
    symlinkSync(pathOf("node_modules"), join(this.folder, "node_modules"));
    // The engine looks for the plugins of a state before it attaches to providers: files with their names must exist.
    const plugins = join(this.#home, "plugins");
    mkdirSync(plugins);
    for (const name of servedProviders.keys())
      writeFileSync(join(plugins, `pulumi-resource-${name}`), "", { mode: 0o755 });
    this.#env = {
      HOME: this.#home,
      PULUMI_HOME: join(this.#home, ".pulumi"),
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // Replaces the reader's answer "yes".
      PULUMI_SKIP_CONFIRMATIONS: "true",
      PULUMI_DEBUG_PROVIDERS: [...servedProviders].map(([name, { port }]) => `${name}:${port}`).join(","),
      PATH: [dirname(process.execPath), dirname(pulumi), plugins, languageHost, process.env.PATH ?? ""].join(delimiter),
    };
  }

  /** URL of the folder that replaces the reader's home directory. */
  get home(): string {
    return `file://${this.#home}`;
  }

  /** URL of the folder that replaces the state bucket. */
  get states(): string {
    const folder = join(this.#home, "states");
    mkdirSync(folder, { recursive: true });
    return `file://${folder}`;
  }

  /**
   * Runs commands in one shell, and fails if one of them fails.
   * @returns The output of all commands.
   */
  async run(script: string): Promise<string> {
    const child = spawn("bash", ["--norc", "-euo", "pipefail", "-c", script], { cwd: this.folder, env: this.#env });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output += data;
      });
    const [code] = await once(child, "close");
    assert.equal(code, 0, `${script}\n${output}`);
    return output;
  }

  remove(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** Returns the blocks of a page that this test runs, with folders in place of the home directory and AWS's bucket. */
function scriptsOf(page: string, { home, states }: Clone): string[] {
  const blocks = blocksOf(page).filter(({ by }) => by === HERE);
  assert.ok(blocks.length > 0, page);
  return blocks.map(({ text }) =>
    text
      // The command takes the home directory from the system's list of users, not from HOME.
      .replace("login file://~ ", `login ${home} `)
      .replace(/login "s3:[^"]*"/, `login ${states}`)
      .replace(
        /npm run pulumi -- -C stacks\/account login "\$\(([^\n]*)\)"/,
        (_all, command: string) => `${command} | grep '^s3://'; npm run pulumi -- -C stacks/account login ${states}`,
      )
      .replace(/--secrets-provider "awskms:[^"]*"/, "--secrets-provider passphrase"),
  );
}

describe("the Pulumi commands of the pages, in the real engine", () => {
  let clone: Clone;
  let cloud: Cloud;
  const servedProviders = new Map<string, RunningProvider>();
  before(async function () {
    requireEngine(this);
    const account = parse(readFileSync(pathOf("Pulumi.dev.yaml"), "utf8")).config["rates-platform:account"];
    cloud = new Cloud({ account: account.id });
    const providers = { aws: awsProvider(cloud), awsx: awsxProvider(), docker: dockerProvider(cloud) };
    for (const [name, configure] of Object.entries(providers))
      servedProviders.set(name, await serve(packageVersion(name), configure, name === "awsx"));
    clone = new Clone(findPulumi() ?? assert.fail("no pulumi command"), servedProviders);
  });
  after(() => {
    for (const provider of servedProviders.values()) provider.close();
    clone?.remove();
  });

  it("do what the pages say, from preparing the account to removing the stack", async function () {
    this.timeout(15 * 60_000);
    const [account = "", first = "", operating = ""] = PAGES;
    // In one shell, which keeps the first passphrase.
    await clone.run(scriptsOf(account, clone).join("\n"));
    const [preview = "", up = ""] = scriptsOf(first, clone);
    const before = cloud.resources.size;
    assert.match(await clone.run(preview), /\+ \d+ to create/);
    assert.equal(cloud.resources.size, before, "a preview creates nothing");
    assert.match(await clone.run(up), /\+ \d+ created/);
    assert.ok(cloud.resources.size > before + 100);
    assert.match(await clone.run(up), /\d+ unchanged/);
    assert.match(
      await clone.run("npm run -s pulumi -- stack output migrationsFunction -s dev"),
      /^rates-dev-migrations/m,
    );
    // `stack rm` refuses if a resource is left in the state.
    const [end = ""] = scriptsOf(operating, clone);
    assert.match(await clone.run(end), /Stack 'dev' has been removed/);
    const remaining = [...cloud.resources.values()].map(({ type }) => type);
    assert.deepEqual(
      remaining.filter((type) => /^aws:(lambda|rds|ecs|sqs|glue)\//.test(type)),
      [],
    );
  });
});
