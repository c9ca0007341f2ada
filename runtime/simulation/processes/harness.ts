import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Emulator, startEmulator } from "../../local/emulator.ts";
import { componentEnvironment } from "../../local/environment.ts";
import { freePort } from "../../local/ports.ts";
import { stopLeftovers } from "../../local/postmaster.ts";
import { identify } from "../../local/processes.ts";
import { ensureBuckets, ensureQueues } from "../../local/queues.ts";
import { localToken } from "../../local/token.ts";
import { createFiles, OVERRUN_FILE } from "./files.ts";
import { ManagedProcess } from "./managedProcess.ts";
import { type CallProxy, startProxy } from "./proxy.ts";
import { Server } from "./server.ts";
import { type FakeTrackingStore, startTracking } from "./tracking.ts";

const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** Visibility timeout and lease: far shorter than in production, so that both expire within a schedule. */
const VISIBILITY_SECONDS = 2;
const LEASE_SECONDS = 2;
const START_SECONDS = 60;
const SLOTS = { glue: 2, ec2: 1 };

/** A received response. */
export interface ReceivedResponse {
  readonly body: string;
  readonly responseId: string;
  readonly requestId: string;
  readonly status: string;
}

/** An address on which nothing listens. */
const UNREACHABLE_ENDPOINT = "http://127.0.0.1:1";

/** Options of a harness. */
export interface ProcessHarnessOptions {
  /**
   * Tracking store: Postgres; a fake OpenSearch whose calls fail as scheduled; or an address at which nothing listens.
   *
   * @default "postgres"
   */
  tracking?: "postgres" | "unsteady" | "nowhere";
  /**
   * Seconds that a run waits for its next job.
   *
   * @default 0
   */
  idleSeconds?: number;
}

/**
 * The local platform as processes (Postgres, API, dispatcher, and the runs that it starts), with a proxy in front of
 * SQS and S3, in a disposable directory. Its methods are the actions whose times a schedule chooses.
 */
export class ProcessHarness {
  readonly directory: string;
  readonly server: Server;
  readonly proxy: CallProxy;
  /** Fake OpenSearch; undefined if documents are stored in Postgres or not at all. */
  readonly tracking: FakeTrackingStore | undefined;
  /** Current processes; a deployment replaces them. */
  api!: ManagedProcess;
  dispatcher!: ManagedProcess;
  /** All responses since the start. */
  readonly responses: ReceivedResponse[] = [];
  readonly #cloud: Emulator;
  readonly #queues: ReturnType<typeof ensureQueues>;
  readonly #sqs: SQSClient;
  readonly #s3: S3Client;
  readonly #token: string;
  readonly #options: ProcessHarnessOptions;
  /** Port of the current API. */
  #port = 0;
  readonly #closing = new AbortController();
  readonly #receiving: Promise<void>;

  private constructor(resources: {
    directory: string;
    server: Server;
    proxy: CallProxy;
    tracking: FakeTrackingStore | undefined;
    cloud: Emulator;
    token: string;
    options: ProcessHarnessOptions;
  }) {
    const { directory, server, proxy, tracking, cloud, token, options } = resources;
    this.directory = directory;
    this.server = server;
    this.proxy = proxy;
    this.tracking = tracking;
    this.#cloud = cloud;
    this.#token = token;
    this.#options = options;
    this.#queues = ensureQueues(cloud, []);
    const visibility = { VisibilityTimeout: String(VISIBILITY_SECONDS) };
    cloud.createQueue("rates-requests", visibility);
    cloud.createQueue("rates-wakeups", visibility);
    const { endpoint, region, credentials } = cloud;
    this.#sqs = new SQSClient({ endpoint, region, credentials });
    this.#s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });

    createFiles(directory, []);
    this.#receiving = this.#receive();
  }

  static async open(options: ProcessHarnessOptions = {}): Promise<ProcessHarness> {
    await removeLeftovers();
    const directory = mkdtempSync(join(tmpdir(), `rates-simulation-${process.pid}-`));
    const [server, cloud] = await Promise.all([
      Server.start(join(directory, "postgres"), join(directory, "postgres.log")),
      startEmulator(),
    ]);
    const [proxy, token, tracking] = await Promise.all([
      startProxy(cloud.port),
      localToken(directory, server.url),
      options.tracking === "unsteady" ? startTracking() : undefined,
    ]);
    const harness = new ProcessHarness({ directory, server, proxy, tracking, cloud, token, options });
    await harness.deploy("first");
    return harness;
  }

  /**
   * Starts API and dispatcher of a version. Calls go to the new API once both are ready, as with a load balancer.
   * Returns the previous processes, which keep running.
   */
  async deploy(version: string): Promise<ManagedProcess[]> {
    const before = [this.api, this.dispatcher].filter((component) => component !== undefined);
    const { directory } = this;
    const env = this.#environment(version);
    const port = await freePort();
    const api = new ManagedProcess(
      "API",
      ["--import", program("../../local/exitWithParent.ts"), program("../../api/main.ts")],
      { ...env, HOST: "127.0.0.1", PORT: String(port) },
      join(directory, "api.log"),
    );
    const dispatcherArgs = [program("../../local/dispatcherHost.ts"), "--logs", directory, "--drain-seconds", "30"];
    const dispatcher = new ManagedProcess("dispatcher", dispatcherArgs, env, join(directory, "dispatcher.log"));
    Object.assign(this, { api, dispatcher });
    await Promise.all([api.ready, dispatcher.ready]);
    this.#port = port;
    return before;
  }

  /** Returns the environment of API and dispatcher. */
  #environment(version: string): NodeJS.ProcessEnv {
    const { tracking, idleSeconds = 0 } = this.#options;
    const trackingEndpoint = tracking === "nowhere" ? UNREACHABLE_ENDPOINT : this.tracking?.endpoint;
    // SQS and S3 are reachable through the proxy only.
    const { port } = this.proxy;
    const viaProxy = (url: string) => url.replace(`:${this.#cloud.port}/`, `:${port}/`);
    const { tenants: _, ...queues } = this.#queues;
    const endpoint = `http://127.0.0.1:${port}`;
    const runnerSettings = (slots: number) => ({ slots, idleSeconds, startSeconds: START_SECONDS });
    const settings = {
      version,
      queues: {
        ...Object.fromEntries(Object.entries(queues).map(([name, url]) => [name, viaProxy(url)])),
        tenants: {},
      },
      buckets: ensureBuckets(this.#cloud),
      pathStyleS3: true,
      runners: { glue: runnerSettings(SLOTS.glue), ec2: runnerSettings(SLOTS.ec2) },
      jobs: { rawSql: true, leaseSeconds: LEASE_SECONDS, inlineBytes: 4_000, readsOnEc2: true },
      ...(trackingEndpoint === undefined ? {} : { tracking: { endpoint: trackingEndpoint } }),
    };
    const { postgres } = this.server;
    return {
      ...componentEnvironment({ postgres, emulator: this.#cloud, dataDir: this.directory, settings }),
      AWS_ENDPOINT_URL_SQS: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      NODE_OPTIONS: `--import ${new URL("injectFaults.ts", import.meta.url).href}`,
      SIMULATION_DIRECTORY: this.directory,
      SIMULATION_POSTGRES: join(this.directory, "postgres", "data"),
    };
  }

  /** Sends a message to the request queue. */
  async send(body: object): Promise<void> {
    const QueueUrl = this.#queues.requests;
    await this.#sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
  }

  /** Sends a POST request to the API. Returns the status code; undefined if the API is not reachable. */
  async call(path: string, body: object = {}): Promise<number | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      await response.body?.cancel();
      return response.status;
    } catch {
      return undefined;
    }
  }

  async upload(key: string, body: string): Promise<void> {
    await this.#s3.send(new PutObjectCommand({ Bucket: "rates-uploads", Key: key, Body: body }));
  }

  /** Reads the object at a location `s3://bucket/key`. */
  async object(location: string): Promise<Buffer> {
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? [];
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  /** Returns true if documents are stored. */
  get storesDocuments(): boolean {
    return this.#options.tracking !== "nowhere";
  }

  /** Returns the ids of documents that differ from their jobs. Call it when no work is left. */
  async wrongDocuments(requestIds: readonly string[]): Promise<string[]> {
    const jobs = await this.server.tryQuery(
      `select d.tenant, d.request_id, d.version::int, d.document, t.version::int as tracked_version, t.document as tracked
       from jobs.base_documents d left join tracking.documents t on t.tenant = d.tenant and t.request_id = d.request_id
       where d.request_id = any ($1)`,
      [requestIds],
    );
    return (jobs ?? []).flatMap(({ tenant, request_id, version, document, tracked_version, tracked }) => {
      const found = this.tracking
        ? this.tracking.get(`${tenant}/${request_id}`)
        : { version: tracked_version, document: tracked };
      return found?.version === version && isDeepStrictEqual(found?.document, document) ? [] : [request_id];
    });
  }

  /** Messages of runs that found more runs of their type than slots. */
  get overruns(): string[] {
    const file = join(this.directory, OVERRUN_FILE);
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  /** Returns the end of each log, to find the reason of a failure. */
  logs(): string {
    const tail = (name: string) => {
      const file = join(this.directory, name);
      return existsSync(file) ? `--- ${name}\n${readFileSync(file, "utf8").split("\n").slice(-40).join("\n")}` : "";
    };
    return ["dispatcher.log", "api.log", "postgres.log"].map(tail).join("\n");
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.api.stop(), this.dispatcher.stop(), this.#receiving]);
    await this.server.stop();
    await Promise.all([this.proxy.close(), this.tracking?.close()]);
    this.#sqs.destroy();
    this.#s3.destroy();
    await this.#cloud.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Consumes the response queue directly, without the proxy's faults, so that every sent response is seen. */
  async #receive(): Promise<void> {
    const QueueUrl = this.#queues.responses;
    const receive = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 20,
      MessageAttributeNames: ["All"],
    });
    while (!this.#closing.signal.aborted) {
      const received = await this.#sqs.send(receive, { abortSignal: this.#closing.signal }).catch(() => undefined);
      for (const { Body = "", MessageAttributes = {}, ReceiptHandle } of received?.Messages ?? []) {
        const text = (name: string) => MessageAttributes[name]?.StringValue ?? "";
        const [responseId, requestId, status] = [text("responseId"), text("requestId"), text("status")];
        this.responses.push({ body: Body, responseId, requestId, status });
        await this.#sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  }
}

/** Ends the processes and removes the directories of simulations that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^rates-simulation-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    const directory = join(tmpdir(), name);
    await stopLeftovers(join(directory, "postgres", "data"));
    rmSync(directory, { recursive: true, force: true });
  }
}
