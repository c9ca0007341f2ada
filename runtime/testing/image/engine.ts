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
/** The command that belongs to the engine; another one on PATH may lack BuildKit. */
const DOCKER = "/usr/bin/docker";
const MINUTES = 60_000;

/** Names of the images by target of the Dockerfile. */
export const IMAGES = {
  image: "rates-platform",
  local: "rates-platform-local",
  smoke: "rates-platform-smoke",
} as const;

/**
 * For a suite's `before`: skips the suite if the engine of engine.sh is not running; if everything is required
 * (RATES_REQUIRE_ALL=1), fails.
 */
export async function requireDocker(context: Mocha.Context): Promise<void> {
  context.timeout(10 * MINUTES);
  try {
    await docker("version");
  } catch {
    skip(
      context,
      "no Docker engine for tests is running (runtime/testing/image/engine.sh, as root on Debian, starts one)",
    );
  }
}

/** Runs a docker command on the engine of engine.sh and resolves to its output, trimmed. */
export const docker = (...args: string[]): Promise<string> => run(DOCKER, args, process.env);

/**
 * Returns the compose command: `docker compose` if docker has it (version 2), otherwise `docker-compose` (version 1, or
 * 2 as a separate program).
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
  const [program, ...subcommand] = await composeCommand();
  const localImages = {
    COMPOSE_FILE: "compose.yaml:runtime/testing/image/localImages.yaml",
    POSTGRES_IMAGE: postgresImage(),
  };
  return run(program, [...subcommand, "--ansi", "never", "--project-name", project, ...args], {
    ...env,
    ...localImages,
  });
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

/** Returns the output of `docker inspect` for a Go template that produces JSON. */
export async function inspect(name: string, template: string): Promise<unknown> {
  return JSON.parse(await docker("inspect", "--format", `{{json ${template}}}`, name));
}

/**
 * Repeats a call until its result satisfies a condition.
 * @throws after a minute, with the last result as cause
 */
export async function eventually<T>(
  description: string,
  call: () => Promise<T>,
  isSatisfied: (result: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + MINUTES;
  for (;;) {
    const result = await call().catch((error: unknown) => error);
    if (!(result instanceof Error) && isSatisfied(result as T)) return result as T;
    if (Date.now() > deadline) throw new Error(`${description}: not within a minute`, { cause: result });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const host = execFileSync(script, ["--socket"], { encoding: "utf8" }).trim();
  // Checked first, since the docker command may also be missing.
  if (!existsSync(host.replace("unix://", ""))) throw new Error(`Nothing listens at ${host}.`);
  const { stdout, stderr } = await execute(program, args, {
    cwd: ROOT,
    env: { ...env, DOCKER_HOST: host, DOCKER_BUILDKIT: "1" },
    maxBuffer: 1 << 26,
  });
  return (stdout || stderr).trim();
}

/** Returns the name of the local base image: as in the Dockerfile, but without the digest, which a registry assigns. */
export const baseImage = (): string => localImage("runtime/Dockerfile", /^FROM (node:[^@\s]+)@/m);

/** Returns the name of the local Postgres image: as in compose.yaml, but without the digest. */
export const postgresImage = (): string => localImage("compose.yaml", /^ *image: (postgres:[^@\s]+)@/m);

function localImage(file: string, pattern: RegExp): string {
  const [, name] = pattern.exec(readFileSync(join(ROOT, file), "utf8")) ?? [];
  if (name === undefined) throw new Error(`${file} does not name the image.`);
  return name;
}
