import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import pg from "pg";
import { uploadPrefix } from "../contract/uploads.ts";
import { credentialsFile, Principals, readPlatformCredentials } from "../local/aws/principals.ts";
import type { PlatformFile } from "../local/platformFile.ts";
import { SCOPES } from "../store/tokens.ts";
import type { Emulator } from "../testing/emulator.ts";
import { CONFIGURATION } from "./configuration.ts";
import { type Component, memoryOf, type SharedProcess, sharedProcess } from "./processes.ts";
import { environmentWith, type SourceChange } from "./sourceChange.ts";

const MAIN = fileURLToPath(new URL("../local/main.ts", import.meta.url));
const PROBE = fileURLToPath(new URL("probe.ts", import.meta.url));
/** Maximum wait for an event or response, in milliseconds, unless a call sets another. */
const TIMEOUT_MS = 90_000;
/** Number of repetitions of a measured request, since the kernel counts processor time in steps of 10 ms. */
const REPETITIONS = 4;

/** Response of the API. */
export interface ApiResponse {
  status: number;
  text: string;
  headers: Headers;
}

/** Latencies of GET /rates, in milliseconds. */
export interface Latency {
  p50: number;
  p99: number;
  longest: number;
}

/** Path that reads a lane of the sample data. */
export const RATES = "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNSHA&dest_code=EETLL";
/** Task that reads two days of the same lane. */
export const AVERAGE_RATES = {
  type: "read",
  query: "average_rates",
  params: { date_from: "2021-01-01", date_to: "2021-01-02", orig_code: "CNSHA", dest_code: "EETLL" },
  format: "json",
};
/** A read that takes minutes. */
export const LONG_READ = { type: "read", sql: "select count(*) from prices a, prices b", format: "csv" };

/** The platform under attack: all of it on this machine, with its own data directory and ports. */
export class Target {
  readonly file: PlatformFile;
  readonly dataDir: string;
  readonly processes: readonly SharedProcess[];
  readonly admin: pg.Client;
  readonly emulator: Emulator;
  readonly s3: S3Client;
  /** Tokens of two tenants with every scope except `admin`. */
  attacker = "";
  victim = "";
  readonly #main: ChildProcess;
  readonly #sqs: SQSClient;
  readonly #foreignSqs: SQSClient;
  readonly #directory: string;

  private constructor(main: ChildProcess, directory: string, dataDir: string, file: PlatformFile, admin: pg.Client) {
    this.#main = main;
    this.#directory = directory;
    this.dataDir = dataDir;
    this.file = file;
    this.admin = admin;
    this.processes = [
      sharedProcess("api", "runtime/api/main.ts", dataDir),
      sharedProcess("dispatcher", "runtime/local/dispatcherHost.ts", dataDir),
    ];
    const credentials = readPlatformCredentials(dataDir);
    const { region } = file;
    this.emulator = { port: Number(new URL(file.sqsEndpoint).port), credentials };
    this.#sqs = new SQSClient({ endpoint: file.sqsEndpoint, region, credentials });
    const stranger = new Principals(credentialsFile(dataDir)).add("stranger", "AIDASTRANGER000000000");
    this.#foreignSqs = new SQSClient({ endpoint: file.sqsEndpoint, region, credentials: stranger });
    this.s3 = new S3Client({ endpoint: file.s3Endpoint, region, credentials, forcePathStyle: true });
  }

  /**
   * Starts the platform with its own data directory.
   * @param changes changes to its code, in addition to CONFIGURATION
   */
  static async start(changes: readonly SourceChange[] = []): Promise<Target> {
    const directory = mkdtempSync(join(tmpdir(), "rates-attack-"));
    const dataDir = join(directory, "a", "data");
    mkdirSync(dataDir, { recursive: true });
    const main = spawn(process.execPath, [MAIN, "--port", "0", "--data-dir", dataDir], {
      detached: true,
      env: { ...process.env, ...environmentWith([...CONFIGURATION, ...changes]) },
    });
    let output = "";
    for (const stream of [main.stdout, main.stderr])
      stream?.on("data", (data) => {
        output += data;
      });
    for (const end = Date.now() + TIMEOUT_MS; !output.includes("The platform is up"); await delay(20))
      if (main.exitCode !== null || main.signalCode !== null || Date.now() > end)
        throw new Error(`the platform did not start:\n${output}`);
    const file: PlatformFile = JSON.parse(readFileSync(join(dataDir, "platform.json"), "utf8"));
    const admin = new pg.Client(file.databaseUrl);
    await admin.connect();
    const target = new Target(main, directory, dataDir, file, admin);
    target.attacker = await target.token("attacker");
    target.victim = await target.token("victim");
    return target;
  }

  async stop(): Promise<void> {
    await this.admin.end();
    for (const client of [this.#sqs, this.#foreignSqs, this.s3]) client.destroy();
    if (this.#main.exitCode === null && this.#main.signalCode === null) {
      // The second signal makes the platform stop without waiting for jobs that an attack left running.
      this.#main.kill("SIGINT");
      this.#main.kill("SIGINT");
      await once(this.#main, "exit");
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get api(): SharedProcess {
    return this.processes[0] as SharedProcess;
  }

  get dispatcher(): SharedProcess {
    return this.processes[1] as SharedProcess;
  }

  /** Measures the current memory of each component, in bytes. */
  memory(): Record<Component, number> {
    return memoryOf(this.processes, this.dataDir);
  }

  /** Creates a token of a tenant, by default with all scopes except `admin`. */
  async token(tenant: string, scopes: readonly string[] = SCOPES.filter((scope) => scope !== "admin")) {
    return (await this.newToken(tenant, scopes)).token;
  }

  async newToken(tenant: string, scopes: readonly string[]): Promise<{ id: string; token: string }> {
    const response = await this.http("POST", "/tokens", { name: "attack", tenant, scopes }, this.file.token);
    if (response.status !== 201) throw new Error(`no token: ${response.text}`);
    return JSON.parse(response.text);
  }

  /**
   * Sends a request to the API.
   * @param body text and bytes are sent unchanged, anything else as JSON
   */
  async http(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    headers: Record<string, string> = {},
  ): Promise<ApiResponse> {
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(`${this.file.api}${path}`, {
      method,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  /** Stores a file among a tenant's uploads and returns its location. */
  async upload(tenant: string, name: string, content: string | Uint8Array): Promise<string> {
    const { uploadsBucket: Bucket } = this.file;
    const Key = `${uploadPrefix(tenant)}/attack/${name}`;
    await this.s3.send(new PutObjectCommand({ Bucket, Key, Body: content }));
    return `s3://${Bucket}/${Key}`;
  }

  /** Submits a task and returns its job's document once it has ended. */
  async run(requestId: string, task: object, token: string): Promise<Record<string, unknown>> {
    const { status, text } = await this.http("POST", "/jobs", { requestId, task }, token);
    if (status !== 202) throw new Error(`${requestId} returned ${status}: ${text}`);
    return this.waitForEnd(requestId, token);
  }

  /** Sends a message's body to the request queue. */
  async queue(body: string, { asStranger = false } = {}): Promise<void> {
    const sender = asStranger ? this.#foreignSqs : this.#sqs;
    await sender.send(new SendMessageCommand({ QueueUrl: this.file.requestQueueUrl, MessageBody: body }));
  }

  /** Sends small messages, ten at a time. */
  async queueAll(bodies: readonly string[], { asStranger = false } = {}): Promise<void> {
    const sender = asStranger ? this.#foreignSqs : this.#sqs;
    for (let from = 0; from < bodies.length; from += 10) {
      const Entries = bodies.slice(from, from + 10).map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      await sender.send(new SendMessageBatchCommand({ QueueUrl: this.file.requestQueueUrl, Entries }));
    }
  }

  /** Receives and deletes the messages that are in a queue now. */
  async receive(QueueUrl: string): Promise<string[]> {
    const bodies: string[] = [];
    for (;;) {
      const { Messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      if (Messages.length === 0) return bodies;
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      bodies.push(...Messages.map(({ Body = "" }) => Body));
    }
  }

  /** Waits until `probe` returns a truthy value, and returns it. */
  async until<T>(
    event: string,
    probe: () => Promise<T | undefined | false>,
    milliseconds: number = TIMEOUT_MS,
  ): Promise<T> {
    for (const end = Date.now() + milliseconds; Date.now() < end; await delay(50)) {
      const value = await probe();
      if (value) return value;
    }
    throw new Error(`${event}: not within ${milliseconds / 1000} s`);
  }

  /** Waits for the end of a job and returns its document. */
  waitForEnd(requestId: string, token: string, milliseconds?: number): Promise<Record<string, unknown>> {
    const fetchEndedDocument = async () => {
      const { status, text } = await this.http("GET", `/jobs/${requestId}`, undefined, token);
      const document = status === 200 ? JSON.parse(text) : {};
      return ["SUCCEEDED", "FAILED", "CANCELLED"].includes(document.status) && document;
    };
    return this.until(`the end of ${requestId}`, fetchEndedDocument, milliseconds);
  }

  /** Measures the processor time of a process's main thread per call of `send`, in milliseconds. */
  async mainThreadMs(process: SharedProcess, send: () => Promise<unknown>, repetitions = REPETITIONS): Promise<number> {
    const before = process.mainThreadMs();
    for (let repetition = 0; repetition < repetitions; repetition++) await send();
    return (process.mainThreadMs() - before) / repetitions;
  }

  /** Measures the latency of GET /rates from another process. */
  async latency(requests: number): Promise<Latency> {
    const { stdout } = await promisify(execFile)(process.execPath, [
      PROBE,
      `${this.file.api}${RATES}`,
      String(requests),
    ]);
    return JSON.parse(stdout);
  }
}
