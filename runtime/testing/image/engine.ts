import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT } from "../../platform/root.ts";
import { skip } from "../cluster.ts";

const execute = promisify(execFile);
const script = fileURLToPath(new URL("engine.sh", import.meta.url));
/** The command that belongs to the engine; another on PATH may lack BuildKit. */
const DOCKER = "/usr/bin/docker";
const MINUTES = 60_000;

/** Names of the images by target of the Dockerfile. */
export const IMAGES = {
  image: "rates-platform",
  local: "rates-platform-local",
  smoke: "rates-platform-smoke",
} as const;

/**
 * For a suite's `before`: skips the suite if the engine of engine.sh does not run; if everything is required
 * (RATES_REQUIRE_ALL=1) it fails.
 */
export async function requireDocker(context: Mocha.Context): Promise<void> {
  context.timeout(10 * MINUTES);
  try {
    await docker("version");
  } catch {
    skip(context, "no Docker engine for tests runs (runtime/testing/image/engine.sh, as root on Debian, starts one)");
  }
}

/** Runs a docker command on that engine and resolves to its output, trimmed. */
export const docker = (...args: string[]): Promise<string> => run(DOCKER, args, process.env);

/**
 * Command of compose: `docker compose` if docker has it (version 2), otherwise `docker-compose` (1, or 2 by itself).
 */
export async function composeCommand(docker = DOCKER): Promise<[program: string, ...args: string[]]> {
  try {
    await execute(docker, ["compose", "version"]);
    return [docker, "compose"];
  } catch {
    return ["docker-compose"];
  }
}

/**
 * Runs a compose command on a project of compose.yaml, with its own name and ports.
 * @returns Its output, or its error output if that is empty.
 */
export async function compose(project: string, env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const [program, ...called] = await composeCommand();
  const standIns = {
    COMPOSE_FILE: "compose.yaml:runtime/testing/image/standIns.yaml",
    POSTGRES_IMAGE: postgresImage(),
  };
  return run(program, [...called, "--ansi", "never", "--project-name", project, ...args], { ...env, ...standIns });
}

/** Builds a target of runtime/Dockerfile with this machine's npm registry, which is passed as a secret. */
export async function build(target: keyof typeof IMAGES, tag: string = IMAGES[target], ...flags: string[]) {
  const directory = mkdtempSync(join(tmpdir(), "rates-image-"));
  const npmrc = join(directory, "npmrc");
  try {
    const registry = execFileSync("npm", ["config", "get", "registry"], { cwd: ROOT, encoding: "utf8" });
    writeFileSync(npmrc, `registry=${registry}`);
    await docker(
      ...["build", "--file", "runtime/Dockerfile", "--target", target, "--tag", tag, "--network", "host"],
      ...["--build-arg", `NODE_IMAGE=${baseImage()}`, "--secret", `id=npmrc,src=${npmrc}`, ...flags, "."],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Output of `docker inspect` for a Go template that returns JSON. */
export async function inspect(name: string, template: string): Promise<unknown> {
  return JSON.parse(await docker("inspect", "--format", `{{json ${template}}}`, name));
}

/**
 * Repeats a call until its answer satisfies a condition.
 * @throws after a minute, with the last answer as cause
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  satisfies: (answer: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + MINUTES;
  for (;;) {
    const answer = await ask().catch((error: unknown) => error);
    if (!(answer instanceof Error) && satisfies(answer as T)) return answer as T;
    if (Date.now() > deadline) throw new Error(`${what}: not within a minute`, { cause: answer });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const host = execFileSync(script, ["--socket"], { encoding: "utf8" }).trim();
  // Without the engine, docker need not be installed either.
  if (!existsSync(host.replace("unix://", ""))) throw new Error(`Nothing listens at ${host}.`);
  const { stdout, stderr } = await execute(program, args, {
    cwd: ROOT,
    env: { ...env, DOCKER_HOST: host, DOCKER_BUILDKIT: "1" },
    maxBuffer: 1 << 26,
  });
  return (stdout || stderr).trim();
}

/** The stand-in for the base image: the Dockerfile's name of it without the digest, which only a registry gives. */
export const baseImage = (): string => standIn("runtime/Dockerfile", /^FROM (node:[^@\s]+)@/m);

/** The stand-in for compose.yaml's Postgres. */
export const postgresImage = (): string => standIn("compose.yaml", /^ *image: (postgres:[^@\s]+)@/m);

function standIn(file: string, pattern: RegExp): string {
  const [, name] = pattern.exec(readFileSync(join(ROOT, file), "utf8")) ?? [];
  if (name === undefined) throw new Error(`${file} names no such image.`);
  return name;
}
