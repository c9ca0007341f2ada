import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { accountProvider } from "../../../infra/account.ts";
import { mocked, type Registry } from "../../../infra/testing/mocks.ts";
import type { RunnerType } from "../../../runtime/contract/states.ts";
import { type Emulator, startEmulator } from "../../../runtime/local/emulator.ts";
import { ROOT } from "../../../runtime/platform/root.ts";
import type { Identity, PolicyStatement } from "../../../runtime/testing/rds/identities.ts";
import { REGION } from "../../../runtime/testing/rds/identities.ts";
import { Rds } from "../../../runtime/testing/rds/rds.ts";
import { planStack } from "../../config/parse.ts";
import { platform } from "../../platform.ts";
import { rawConfig } from "../config.ts";
import { type RequestedRun, RunServices } from "./runServices.ts";

export const INSTANCE = "rates-dev-database";
/** Values of the mocks (infra/testing/mocks.ts) that are replaced by local values. */
const MOCKED = {
  host: `${INSTANCE}.abc.${REGION}.rds.amazonaws.com`,
  resourceId: "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  secret: "arn:aws:secretsmanager:eu-central-1:111111111111:secret:rds!db-1",
  queues: `https://sqs.${REGION}.amazonaws.com/111111111111/`,
} as const;
/** Components that log in to the database, by the names of their roles. */
export const COMPONENTS = ["migrations", "dispatcher", "api", "glue", "ec2"] as const;
export type Component = (typeof COMPONENTS)[number];

/** An asset or an archive, as the engine receives it. */
interface Asset {
  readonly path?: string;
  readonly text?: string;
  readonly assets?: Readonly<Record<string, Asset>>;
}

/**
 * A stack deployed to simulated services. Each component runs as a process with the code, environment, arguments and
 * policies that the program registers for it. It uses a simulated RDS, the emulator of SQS and S3, and a simulated Glue
 * and EC2 that accept every request. Only addresses, resource ids and credentials are local.
 */
export class Deployment {
  readonly rds: Rds;
  readonly runServices: RunServices;
  readonly registry: Registry;
  readonly #emulator: Emulator;
  readonly #identities: Record<Component, Identity>;
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];

  private constructor(registry: Registry, rds: Rds, emulator: Emulator, runServices: RunServices) {
    this.registry = registry;
    this.rds = rds;
    this.runServices = runServices;
    this.#emulator = emulator;
    const identity = (component: Component) =>
      rds.identity(component, this.#policy(component), emulator.addPrincipal(component, `AROA:${component}`));
    this.#identities = {
      migrations: identity("migrations"),
      dispatcher: identity("dispatcher"),
      api: identity("api"),
      glue: identity("glue"),
      ec2: identity("ec2"),
    };
    // Inside node_modules/, where Node.js finds the packages that Lambda's runtime includes.
    const cache = join(ROOT, "node_modules", ".cache", "rates-platform");
    mkdirSync(cache, { recursive: true });
    this.#directory = mkdtempSync(join(cache, "deployment-"));
  }

  /** Registers the stack with mocks, and creates its database, queues, buckets and objects in the simulated services. */
  static async create(): Promise<Deployment> {
    const raw = rawConfig((config) => ({
      ...config,
      jobs: { rawSql: true },
      runners: {
        ec2: { ...config.runners.ec2, idleSeconds: 0, maxInstances: 2 },
        glue: { idleSeconds: 0, maxRuns: 3 },
      },
    }));
    const { config, plan, problems } = planStack(raw, "dev");
    if (!config || !plan) throw new Error(JSON.stringify(problems));
    const { registry } = await mocked(() =>
      platform({ name: "dev", config, plan }, accountProvider("account", { ...config.account, tags: {} })),
    );
    const [rds, emulator, runServices] = await Promise.all([
      Rds.start(),
      startEmulator({ region: REGION }),
      RunServices.start(),
    ]);
    const { identifier } = registry.resource("aws:rds/instance:Instance").inputs;
    await rds.createInstance(identifier);
    for (const { name } of registry.ofType("aws:sqs/queue:Queue")) emulator.createQueue(name);
    for (const { name } of registry.ofType("aws:s3/bucket:Bucket")) emulator.createBucket(name);
    const deployment = new Deployment(registry, rds, emulator, runServices);
    await deployment.#putObjects();
    return deployment;
  }

  /** Gives every component permissions for the instance that now has the database's name, as `pulumi up` after a restore. */
  update(): void {
    for (const component of COMPONENTS) this.#identities[component].statements = this.#policy(component);
  }

  /** Returns the environment of a component's process: credentials and addresses. */
  componentEnv(component: Component): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "",
      ...this.#emulator.env,
      ...this.runServices.env,
      ...this.rds.env(INSTANCE),
      ...this.#identities[component].env,
    };
  }

  /** Returns the statements of a component's policy, with local resource ids. */
  policy(component: Component): readonly PolicyStatement[] {
    return this.#policy(component);
  }

  /** Unpacks a function's archive into a directory, where a test may change files as a later deployment would. */
  unpack(component: "migrations" | "dispatcher"): string {
    const directory = mkdtempSync(join(this.#directory, `${component}-`));
    const { code } = this.registry.resource("aws:lambda/function:Function", `rates-dev-${component}`).inputs;
    this.#unpack(code, directory);
    return directory;
  }

  /** Invokes a function with events, in a process with the function's environment and its role's credentials. */
  async invoke(component: "migrations" | "dispatcher", directory: string, ...events: object[]): Promise<unknown[]> {
    const name = `rates-dev-${component}`;
    const { variables } = this.registry.resource("aws:lambda/function:Function", name).inputs.environment;
    const inFunction = JSON.parse(JSON.stringify(variables).replaceAll("/var/task", directory));
    const env = { ...inFunction, ...this.componentEnv(component) };
    const args = [directory, name, ...events.map((event) => JSON.stringify(event))];
    const child = this.#spawn(process.execPath, [join(import.meta.dirname, "invokeLambda.ts"), ...args], env, true);
    const [message] = await Promise.race([
      once(child.process, "message"),
      child.ended.then((code) =>
        Promise.reject(new Error(`the function's process ended with ${code}: ${child.output()}`)),
      ),
    ]);
    if (message.error !== undefined) throw new Error(message.error);
    await child.ended;
    return message.results;
  }

  /** Returns the event of a step of the migrations, as the program registers it. */
  stepEvent(name: "rates-dev-migrations-roles" | "rates-dev-migrations"): Record<string, unknown> {
    return JSON.parse(this.registry.resource("aws:lambda/invocation:Invocation", name).inputs.input);
  }

  /** Starts an API task, which runs until `stop`. Resolves with its URL when it listens. */
  async startApi(): Promise<string> {
    const task = this.registry.resource("aws:ecs/taskDefinition:TaskDefinition", "rates-dev-api").inputs;
    const [container] = JSON.parse(task.containerDefinitions);
    const variables = (container.environment as { name: string; value: string }[]).map(({ name, value }) => [
      name,
      this.#toLocal(value),
    ]);
    const env = { ...Object.fromEntries(variables), ...this.componentEnv("api"), HOST: "127.0.0.1", PORT: "0" };
    const [, ...args] = container.command ?? ["node", "runtime/api/main.ts"];
    const child = this.#spawn(process.execPath, args, env, true);
    const [{ url }] = await Promise.race([
      once(child.process, "message"),
      child.ended.then((code) => Promise.reject(new Error(`the API ended with ${code}: ${child.output()}`))),
    ]);
    return url;
  }

  /**
   * Executes the runs that were requested from Glue or EC2, one after the other. An EC2 run is the TypeScript runner
   * with the environment from an instance's user data; a Glue run is the Python runner with the Glue job's arguments.
   *
   * @param python - Path of a Python with Glue's packages.
   * @returns The number of runs.
   */
  async executeRuns(runner: RunnerType, python = ""): Promise<number> {
    const runs = this.runServices.take(runner);
    for (const run of runs) {
      const child = runner === "ec2" ? this.#instance(run) : this.#glueRun(run.platformId, python);
      const code = await child.ended;
      run.state = "ended";
      if (code !== 0) throw new Error(`the run ended with ${code}: ${child.output()}`);
    }
    return runs.length;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([this.rds.stop(), this.#emulator.stop(), this.runServices.stop()]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #instance({ platformId: launch, id }: RequestedRun) {
    const { userData } = this.registry.resource("aws:ec2/launchTemplate:LaunchTemplate").inputs;
    const script = Buffer.from(userData, "base64").toString();
    const [, lines = ""] = script.split("cat >/etc/rates/environment <<'END'\n");
    const variables = lines
      .slice(0, lines.indexOf("\nEND\n"))
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), this.#toLocal(line.slice(line.indexOf("=") + 1))]);
    const env = { ...Object.fromEntries(variables), ...this.componentEnv("ec2") };
    const identity = ["--launch", launch, "--instance", id];
    return this.#spawn(process.execPath, ["runtime/runner/main.ts", ...identity, "--runner", "ec2"], env);
  }

  #glueRun(run: string, python: string) {
    const { defaultArguments, command } = this.registry.resource("aws:glue/job:Job").inputs;
    const file = this.#object(command.scriptLocation);
    const { DATABASE_PORT = "" } = this.rds.env(INSTANCE);
    const jobArguments: Record<string, string> = { ...defaultArguments, "--database-port": DATABASE_PORT };
    const args = Object.entries({ ...jobArguments, "--run": run, "--runner": "glue" })
      // Glue itself evaluates this argument.
      .filter(([name]) => name !== "--library-set")
      .flatMap(([name, value]) => [name, this.#toLocal(value)]);
    const env = Object.fromEntries(
      Object.entries(this.componentEnv("glue")).filter(([name]) => !name.startsWith("DATABASE_")),
    );
    return this.#spawn(python, [file, ...args], env);
  }

  /** @param channel - True if the process sends messages to its parent. */
  #spawn(program: string, args: readonly string[], env: Record<string, string>, channel = false) {
    const stdio: StdioOptions = ["ignore", "pipe", "pipe", ...(channel ? (["ipc"] as const) : [])];
    const child = spawn(program, args, { cwd: ROOT, env, stdio });
    this.#children.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        text += chunk;
      });
    return {
      process: child,
      ended: once(child, "close").then(([code, signal]) => code ?? signal),
      output: () => text,
    };
  }

  /** Returns the statements of a component's role, with the id and secret of the simulated instance. */
  #policy(component: Component): PolicyStatement[] {
    return JSON.parse(this.#toLocal(JSON.stringify(this.registry.statements(`rates-dev-${component}`))));
  }

  /** Replaces the mocks' addresses and ids in a text with local values. */
  #toLocal(text: string): string {
    const { DATABASE_HOST = "", MASTER_SECRET_ARN = "" } = this.rds.env(INSTANCE);
    return text
      .replaceAll(MOCKED.host, DATABASE_HOST)
      .replaceAll(MOCKED.resourceId, this.rds.resourceId(INSTANCE))
      .replaceAll(MOCKED.secret, MASTER_SECRET_ARN)
      .replaceAll(MOCKED.queues, this.#emulator.createQueue("rates-dev-queues-requests").replace(/[^/]+$/, ""));
  }

  /** Returns the path of the file that the program uploads to this S3 location. */
  #object(location: string): string {
    const objects = this.registry.ofType("aws:s3/bucketObjectv2:BucketObjectv2");
    return objects.find(({ inputs }) => location === `s3://${inputs.bucket}/${inputs.key}`)?.inputs.source.path;
  }

  async #putObjects(): Promise<void> {
    const { endpoint, region, credentials } = this.#emulator;
    const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    for (const { inputs } of this.registry.ofType("aws:s3/bucketObjectv2:BucketObjectv2")) {
      const isCa = String(inputs.key).startsWith("rds-ca");
      const Body = readFileSync(isCa ? this.rds.caFile : inputs.source.path);
      await s3.send(new PutObjectCommand({ Bucket: inputs.bucket, Key: inputs.key, Body }));
    }
    s3.destroy();
  }

  /** Writes an archive's files, with the certificate authority of the simulated RDS. */
  #unpack({ assets = {} }: Asset, directory: string): void {
    for (const [name, asset] of Object.entries(assets)) {
      const target = join(directory, name);
      mkdirSync(dirname(target), { recursive: true });
      if (basename(name) === "rds-ca.pem") cpSync(this.rds.caFile, target);
      else if (name === "settings.json") writeFileSync(target, this.#toLocal(readFileSync(asset.path ?? "", "utf8")));
      else cpSync(asset.path ?? "", target, { recursive: true });
    }
  }
}
