import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import pg from "pg";
import { readPlatformCredentials } from "../local/aws/principals.ts";
import type { PlatformFile } from "../local/platformFile.ts";

const MAIN = fileURLToPath(new URL("../local/main.ts", import.meta.url));
/** The longest wait for anything. Milliseconds. */
const PATIENCE_MS = 90_000;
/** Kernel ticks per second in /proc (sysconf(_SC_CLK_TCK)), 100 on Linux. */
const TICKS = 100;

/** A process of the platform that all callers share. */
export interface SharedProcess {
  readonly name: "api" | "dispatcher";
  readonly pid: number;
  /** Processor time of its main thread so far, in milliseconds. */
  mainThreadMs(): number;
  /** Resident memory, in bytes. */
  memory(): number;
  isAlive(): boolean;
}

/** The whole platform on this machine, with its own data directory and ports, as an attacker meets it. */
export class Target {
  readonly file: PlatformFile;
  readonly shared: readonly SharedProcess[];
  readonly admin: pg.Client;
  readonly #main: ChildProcess;
  readonly #dataDir: string;
  readonly #sqs: SQSClient;

  private constructor(main: ChildProcess, dataDir: string, file: PlatformFile, admin: pg.Client) {
    this.#main = main;
    this.#dataDir = dataDir;
    this.file = file;
    this.admin = admin;
    this.shared = [
      sharedProcess("api", "runtime/api/main.ts", dataDir),
      sharedProcess("dispatcher", "runtime/local/dispatcherHost.ts", dataDir),
    ];
    this.#sqs = new SQSClient({
      endpoint: file.sqsEndpoint,
      region: file.region,
      credentials: readPlatformCredentials(dataDir),
    });
  }

  static async start(): Promise<Target> {
    const dataDir = mkdtempSync(join(tmpdir(), "rates-attack-"));
    const main = spawn(process.execPath, [MAIN, "--port", "0", "--data-dir", dataDir], { detached: true });
    let said = "";
    for (const stream of [main.stdout, main.stderr])
      stream?.on("data", (data) => {
        said += data;
      });
    for (const end = Date.now() + PATIENCE_MS; !said.includes("The platform is up"); await delay(50))
      if (main.exitCode !== null || Date.now() > end) throw new Error(`the platform did not start:\n${said}`);
    const file: PlatformFile = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8"));
    const admin = new pg.Client(file.databaseUrl);
    await admin.connect();
    return new Target(main, dataDir, file, admin);
  }

  async stop(): Promise<void> {
    await this.admin.end();
    this.#sqs.destroy();
    if (this.#main.exitCode === null) {
      // Twice: whatever an attack has left running is not waited for.
      this.#main.kill("SIGINT");
      this.#main.kill("SIGINT");
      await once(this.#main, "exit");
    }
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  /** A token of a tenant. */
  async token(tenant: string, scopes: readonly string[]): Promise<string> {
    const response = await this.http("POST", "/tokens", { name: "attack", tenant, scopes }, this.file.token);
    if (response.status !== 201) throw new Error(`no token: ${response.text}`);
    const { token } = JSON.parse(response.text);
    return token;
  }

  /** A request to the API; a body that is text or bytes is sent as it is. */
  async http(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; text: string; headers: Headers }> {
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(`${this.file.api}${path}`, {
      method,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  /** Sends a message's body to the request queue. */
  async queue(body: string): Promise<void> {
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.file.requestQueueUrl, MessageBody: body }));
  }

  /** Takes what is in a queue now. */
  async receive(url: string): Promise<string[]> {
    const bodies: string[] = [];
    for (;;) {
      const { Messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      if (Messages.length === 0) return bodies;
      bodies.push(...Messages.map(({ Body = "" }) => Body));
    }
  }

  /** Waits until `look` answers something. */
  async until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await delay(50)) {
      const found = await look();
      if (found) return found;
    }
    throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
  }

  /** The document of a job once it has ended. */
  ended(requestId: string, token: string): Promise<Record<string, unknown>> {
    return this.until(`the end of ${requestId}`, async () => {
      const { status, text } = await this.http("GET", `/jobs/${requestId}`, undefined, token);
      const document = status === 200 ? JSON.parse(text) : {};
      return ["SUCCEEDED", "FAILED", "CANCELLED"].includes(document.status) && document;
    });
  }
}

function sharedProcess(name: SharedProcess["name"], program: string, dataDir: string): SharedProcess {
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const pid = Number(
    readdirSync("/proc").find(
      (one) =>
        /^\d+$/.test(one) &&
        read(`/proc/${one}/cmdline`).includes(program) &&
        read(`/proc/${one}/environ`).includes(`RATES_DATA_DIR=${dataDir}\0`),
    ),
  );
  if (Number.isNaN(pid)) throw new Error(`no process of ${program}`);
  const started = read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[19];
  return {
    name,
    pid,
    mainThreadMs() {
      // proc(5): after the name in parentheses utime is the 12th field, stime the 13th; the main thread's id is the pid.
      const fields = read(`/proc/${pid}/task/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
    },
    memory: () => Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024,
    isAlive: () => started !== undefined && read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[19] === started,
  };
}
