import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { glueCatalog } from "../../runner/glue/catalog.ts";
import { requirePython } from "../python/python.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A process of readBack.py. */
export interface PythonReader {
  /** Sends one request. Rejects with Python's exception. */
  ask(request: object): Promise<unknown>;
  close(): void;
}

/**
 * Starts readBack.py, with a Python that has the Glue runner's packages. For a `before` hook: skips if there is none.
 * @param database - URL of a database, which it reads as the role job_reader.
 * @param env - Environment variables with which it finds S3.
 */
export function pythonReader(context: Mocha.Context, database: string, env: NodeJS.ProcessEnv = {}): PythonReader {
  const url = new URL(database);
  url.username = "job_reader";
  const child = spawn(
    requirePython(context, "python"),
    [here("readBack.py"), here("../../runner/glue/runner.py"), url.href],
    { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env, RATES_CATALOG_JSON: glueCatalog() } },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { result, error } = JSON.parse((await lines.next()).value ?? '{"error":"Python has ended"}');
      if (error) throw new Error(`${error} for ${JSON.stringify(request)}`);
      return result;
    },
    close: () => child.stdin.end(),
  };
}
