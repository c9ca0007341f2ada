import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../local/ports.ts";

const VENV = fileURLToPath(new URL("../tools/venv.sh", import.meta.url));
/** Number of gunicorn processes; the measured machine has two cores. */
const WORKERS = 4;
const START_MS = 60_000;

/** The original service (the Python service that first served /rates), running on its own port. */
export interface Original {
  port: string;
  stop(): Promise<void>;
}

/**
 * Starts the original service from a checkout on a database: a Flask application under gunicorn, as its README describes.
 * Its packages are installed once, outside the checkout.
 * @param checkout - Directory with the service in `rates/`.
 * @param directory - Directory in which the service's configuration is written.
 */
export async function startOriginal(checkout: string, databaseUrl: string, directory: string): Promise<Original> {
  const service = join(resolve(checkout), "rates");
  if (!existsSync(join(service, "wsgi.py")))
    throw new Error(`--original ${checkout} has no rates/wsgi.py. Name a checkout of the original service.`);
  const settings = join(directory, "original");
  mkdirSync(settings);
  const requirements = join(settings, "requirements.txt");
  writeFileSync(requirements, `${readFileSync(join(service, "requirements.txt"), "utf8").trimEnd()}\ngunicorn\n`);
  const binaries = execFileSync(VENV, ["original", requirements], { encoding: "utf8" }).trim();

  const { pathname, username, password, hostname, port: databasePort } = new URL(databaseUrl);
  // Replaces the checkout's config.py, which names another database. libpq reads port and password from the
  // environment.
  const database = { name: pathname.slice(1), user: decodeURIComponent(username), host: hostname };
  writeFileSync(join(settings, "config.py"), `DB = ${JSON.stringify(database)}\n`);
  const port = String(await freePort());
  const server = spawn(
    join(binaries, "gunicorn"),
    ["-w", String(WORKERS), "-b", `127.0.0.1:${port}`, "--chdir", service, "--pythonpath", settings, "wsgi"],
    {
      env: {
        ...process.env,
        PGPORT: databasePort,
        PGPASSWORD: decodeURIComponent(password),
        PYTHONDONTWRITEBYTECODE: "1",
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const exited = once(server, "exit");
  let output = "";
  server.stderr.on("data", (chunk) => {
    output = `${output}${chunk}`.slice(-2_000);
  });
  for (const startedAt = performance.now(); ; await pause(100)) {
    if (await isResponding(port)) break;
    if (server.exitCode === null && server.signalCode === null && performance.now() - startedAt < START_MS) continue;
    server.kill();
    throw new Error(`the original service did not start:\n${output}`);
  }
  return {
    port,
    async stop() {
      server.kill();
      await exited;
    },
  };
}

async function isResponding(port: string): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).ok;
  } catch {
    return false;
  }
}
