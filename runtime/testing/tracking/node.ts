import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const BUILD = here("build.sh");
/** Time limit for the start, which takes 4 s, and longer while other tests run. */
const START_MS = 120_000;
const LOG_TAIL_LINES = 20;

/** A real OpenSearch on 127.0.0.1. */
export interface OpenSearchNode {
  endpoint: string;
  stop(): Promise<void>;
}

/** Reason why this machine cannot start an OpenSearch, as a phrase; undefined if it can. */
export function openSearchProblem(): string | undefined {
  if (process.platform === "win32") return "the launcher of OpenSearch is a shell script";
  try {
    execFileSync("javac", ["-version"], { stdio: "ignore" });
  } catch {
    return "no Java (a JDK 17 or newer, and Maven)";
  }
  const jars = execFileSync(BUILD, ["--path"], { encoding: "utf8" }).trim();
  return existsSync(jars) ? undefined : "no OpenSearch (runtime/testing/tracking/build.sh fetches it)";
}

/**
 * Fetches OpenSearch if it is missing.
 * @throws if it cannot be fetched
 */
export function fetchOpenSearch(): void {
  execFileSync(BUILD, { stdio: ["ignore", "ignore", "inherit"] });
}

/**
 * Starts a node with its data in `directory`, which is created if it does not exist. The node never outlives this
 * process.
 * @param heap - Heap of the Java virtual machine in MB.
 */
export async function startOpenSearch(directory: string, heap = 512): Promise<OpenSearchNode> {
  const jars = execFileSync(BUILD, ["--path"], { encoding: "utf8" }).trim();
  mkdirSync(directory, { recursive: true });
  const args = [`-Xms${heap}m`, `-Xmx${heap}m`, "-cp", join(jars, "*"), here("OpenSearchNode.java"), directory];
  const node = spawn("java", args, { cwd: directory, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const ended = once(node, "exit");
  const output: string[] = [];
  createInterface(node.stderr).on("line", (line) => output.push(line) > LOG_TAIL_LINES && output.shift());
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  const timeout = setTimeout(() => reject(new Error("OpenSearch took too long to start.")), START_MS);
  createInterface(node.stdout).on("line", (line) => {
    const [, address] = /^http (\S+)$/.exec(line) ?? [];
    if (address) resolve(`http://${address}`);
  });
  ended.then(
    () => reject(new Error(`OpenSearch did not start. Its last output:\n${output.join("\n")}`)),
    (error: unknown) => reject(error),
  );
  const stop = async () => {
    // The node ends when its input is closed. This process must wait for the node; otherwise this process would end
    // before mocha reports failures.
    node.ref();
    node.stdin.end();
    await ended;
  };
  try {
    const endpoint = await ready;
    // The running node must not keep a test's process alive.
    node.unref();
    for (const stream of [node.stdin, node.stdout, node.stderr]) (stream as import("node:net").Socket).unref();
    return { endpoint, stop };
  } catch (error) {
    node.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timeout);
  }
}
