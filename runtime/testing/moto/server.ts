import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/** A moto server on this machine, with the settings of the SDK's clients. */
export interface Moto {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  stop(): Promise<void>;
}

/**
 * Starts a moto server on a free port of this machine.
 * @param command - Path of moto_server.
 */
export async function startMoto(command: string): Promise<Moto> {
  const port = await freePort();
  const child = spawn(command, ["-H", "127.0.0.1", "-p", String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stderr });
  await Promise.race([
    (async () => {
      for await (const line of lines) if (line.includes("Running on")) return;
    })(),
    ended.then(([code]) => Promise.reject(new Error(`moto_server ended with ${code}`))),
  ]);
  lines.on("line", () => undefined);
  const endpoint = `http://127.0.0.1:${port}`;
  // Glue runs keep their state instead of ending when they are first read.
  const keepState = { model_name: "glue::job_run", transition: { progression: "manual", times: 1_000_000 } };
  await fetch(`${endpoint}/moto-api/state-manager/set-transition`, { method: "POST", body: JSON.stringify(keepState) });
  return {
    endpoint,
    region: "eu-central-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    async stop() {
      child.kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
