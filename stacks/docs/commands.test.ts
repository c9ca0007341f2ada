import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative, sep } from "node:path";
import { createInterface } from "node:readline";
import { profilesFile, readProfiles, writeProfiles } from "../../runtime/cli/lib/profiles.ts";
import { requirePython } from "../../runtime/testing/python/python.ts";
import { type Block, blocksOf, documents } from "./commands.ts";
import { pathOf } from "./pages.ts";

const ALL = documents().flatMap((page) => blocksOf(page));
const START_MS = 120_000;

describe("commands of the pages", () => {
  it("name their test with a known word", () => {
    assert.throws(() => blocksOf("page.md", "```bash\nls\n```"), /page\.md, block 1: write sh/);
    assert.throws(() => blocksOf("page.md", "```sh later\nls\n```"), /not sh later/);
    assert.deepEqual(blocksOf("page.md", "```sh exit=1\nfalse\n```"), [
      { page: "page.md", number: 1, text: "false", by: "here", exit: 1 },
    ]);
  });

  it("are run by existing tests, are valid shell, and use existing scripts, files and commands", () => {
    for (const { page, number, text, by } of ALL) {
      const where = `${page}, block ${number}`;
      if (by !== "here" && by !== "account") assert.ok(existsSync(pathOf(by)), `${where}: ${by} does not exist`);
      // Placeholders are in angle brackets.
      const { status, stderr } = spawnSync("bash", ["-n"], {
        input: text.replace(/<[^<>\n]+>/g, "x"),
        encoding: "utf8",
      });
      assert.equal(status, 0, `${where}: ${stderr}`);
      // Only the clone's own Node runs TypeScript; the reader's may be older.
      assert.doesNotMatch(text, /(?<!npx )\bnode (?:--\S+ )*[\w./-]+\.ts\b/, `${where}: write npx node`);
      for (const [, script] of text.matchAll(/\bnpm run (?:-s |--silent )?([\w:-]+)/g))
        assert.ok(script !== undefined && script in scripts(), `${where}: package.json has no script ${script}`);
      for (const [, file] of text.matchAll(/\bnode (?:--\S+ )*([\w./-]+\.(?:ts|mjs))/g))
        assert.ok(file !== undefined && existsSync(pathOf(file)), `${where}: ${file} does not exist`);
      for (const [, name] of text.matchAll(/\bnpx rates (?:--\S+ \S+ )*([a-z]+)\b/g))
        assert.ok(name !== undefined && ratesCommands().includes(name), `${where}: rates has no command ${name}`);
    }
  });

  it("are run without the profiles and variables of the user who runs the tests", () => {
    const folder = mkdtempSync(join(tmpdir(), "rates-pages-"));
    const userEnv = {
      PATH: "/bin",
      XDG_CONFIG_HOME: join(folder, "user"),
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example",
      PGHOST: "db.example",
      AWS_PROFILE: "prod",
      RATES_API: "https://rates.example",
    };
    try {
      const prod = { api: "https://rates.example", token: "secret" };
      writeProfiles({ current: "prod", profiles: { prod } }, profilesFile(userEnv));
      const env = isolatedEnv(folder, userEnv);
      assert.deepEqual(readProfiles(profilesFile(env)), { profiles: {} });
      assert.deepEqual(env, { HOME: folder, PATH: "/bin" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe("on a running platform", function () {
    this.timeout(START_MS + 240_000);
    this.slow(60_000);
    let folder = "";
    let clone = "";
    let platform: ChildProcess;
    let env: NodeJS.ProcessEnv;

    before(async function () {
      const python = requirePython(this, "clients");
      folder = mkdtempSync(join(tmpdir(), "rates-pages-"));
      const home = join(folder, "home");
      mkdirSync(home);
      clone = join(folder, "clone");
      copyClone(clone);
      env = {
        ...isolatedEnv(home),
        PATH: [dirname(process.execPath), dirname(python), process.env.PATH].join(delimiter),
      };
      // npm start, as in the first page, but on a free port, since 3000 may be taken.
      platform = spawn("npm", ["start", "--", "--port", "0"], { cwd: clone, env, detached: true });
      await whenReady(platform);
    });
    after(async () => {
      if (platform?.pid !== undefined && platform.exitCode === null) {
        const ended = once(platform, "exit");
        process.kill(-platform.pid, "SIGINT");
        await ended;
      }
      if (folder) rmSync(folder, { recursive: true, force: true });
    });

    for (const page of new Set(ALL.filter(({ by }) => by === "here").map((block) => block.page)))
      it(`run as described in ${page}`, () => {
        const blocks = ALL.filter((block) => block.page === page && block.by === "here");
        const { api } = JSON.parse(readFileSync(join(clone, ".local/platform.json"), "utf8"));
        const { status, stdout, stderr } = spawnSync("bash", ["-c", scriptOf(blocks, api)], {
          cwd: clone,
          env,
          encoding: "utf8",
          timeout: 240_000,
          maxBuffer: 64 * 1024 * 1024,
        });
        assert.equal(status, 0, `${stdout}\n${stderr}`);
      });
  });
});

/** Returns a script that runs the blocks in one shell, as a reader would, until the first unexpected exit code. */
function scriptOf(blocks: readonly Block[], api: string): string {
  return [
    // A failed command does not end the shell; its exit code is checked after the block.
    "set -E -o pipefail; trap 'failed=$?' ERR",
    ...blocks.flatMap(({ page, number, text, exit }) => [
      "failed=0",
      text.replaceAll("http://127.0.0.1:3000", api),
      `[ "$failed" = ${exit} ] || { echo "${page}, block ${number}: ended with $failed, not ${exit}" >&2; exit 1; }`,
    ]),
  ].join("\n");
}

/** Copies this clone and links its packages, because the commands of a page create files. */
function copyClone(clone: string): void {
  const root = pathOf(".");
  cpSync(root, clone, {
    recursive: true,
    filter: (source) => {
      const [first = ""] = relative(root, source).split(sep);
      return first !== "node_modules" && first !== ".git" && !first.startsWith(".local");
    },
  });
  symlinkSync(pathOf("node_modules"), join(clone, "node_modules"));
}

/** Variables that the commands inherit: none of them names an account, a platform or a collector. */
const INHERITED = ["PATH", "LANG", "TMPDIR"];

/** Returns an environment with another home directory, and without the user's profiles and variables. */
const isolatedEnv = (home: string, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(env).filter(([name]) => INHERITED.includes(name))),
  HOME: home,
});

/** Resolves when the platform reports that it is ready. */
async function whenReady(child: ChildProcess): Promise<void> {
  let output = "";
  child.stderr?.on("data", (data) => {
    output += data;
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ready = (async () => {
    for await (const line of lines) {
      output += `${line}\n`;
      if (line.includes("/dashboard")) return;
    }
    throw new Error(`npm start ended:\n${output}`);
  })();
  await ready;
  child.stdout?.resume();
}

let commandNames: string[] | undefined;
/** Returns the names of the commands that `rates --help` lists. */
function ratesCommands(): string[] {
  commandNames ??= [
    ...execFileSync(process.execPath, [pathOf("runtime/cli/main.ts"), "--help"], { encoding: "utf8" }).matchAll(
      /^ {2}([a-z]+)\b/gm,
    ),
  ].map(([, name]) => name ?? "");
  return commandNames;
}

const scripts = (): Record<string, string> => JSON.parse(readFileSync(pathOf("package.json"), "utf8")).scripts;
