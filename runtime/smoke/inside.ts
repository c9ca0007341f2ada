import { setTimeout as pause } from "node:timers/promises";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import { awsCommand } from "../cli/lib/awsCommand.ts";
import { EcsTask } from "../cli/lib/ecsTask.ts";
import { CommandError } from "../cli/lib/exits.ts";
import { DEFAULT_TENANT } from "../contract/request.ts";
import { SCOPES } from "../store/tokens.ts";
import { parseTokenLine, SMOKE_SECONDS, type TokenHash } from "./handshake.ts";

/** Stack outputs that describe the smoke task (infra/smoke.ts). */
export const SmokeTaskOutputs = Type.Object({
  cluster: Type.String(),
  taskDefinition: Type.String(),
  subnets: Type.Array(Type.String(), { minItems: 1 }),
  securityGroup: Type.String(),
  container: Type.String(),
  logGroup: Type.String(),
  /** Prefix of the log stream's name; a slash and the task's id follow. */
  logStreams: Type.String(),
  /** Name of the function that stores the hash of the task's token. */
  migrationsFunction: Type.String(),
});
type SmokeTaskOutputs = Static<typeof SmokeTaskOutputs>;

const COMMAND = "npm run smoke -- --inside";
const POLL_MS = 3_000;
/** Time limit for a task's start; Fargate takes half a minute to two minutes. Seconds. */
const START_SECONDS = 600;
/** Number of polls for late log lines after a task's end. */
const LAST_POLLS = 5;

const Log = Type.Object({
  events: Type.Array(Type.Object({ message: Type.String() })),
  nextForwardToken: Type.String(),
});

/** Options of a smoke task. Tests replace `print`, `sleep` and `now`. */
export interface InsideOptions {
  /** Time limit per check. Seconds. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly print?: (line: string) => void;
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  readonly now?: () => number;
}

/** Starts a stack's smoke task in the stack's network with the user's AWS credentials, and follows the task's log. */
export class SmokeTask {
  readonly #region: string;
  readonly #task: SmokeTaskOutputs;
  readonly #options: Required<InsideOptions>;
  #nextToken: string | undefined;

  /**
   * Reads the smoke task from a stack's outputs.
   * @throws CommandError that names the missing output
   */
  constructor({ stack, region, smoke }: { stack: string; region: string; smoke?: unknown }, options: InsideOptions) {
    if (!Value.Check(SmokeTaskOutputs, smoke)) {
      const [first] = Value.Errors(SmokeTaskOutputs, smoke);
      const missing = first?.instancePath ? `smoke${first.instancePath.replaceAll("/", ".")}` : "smoke";
      throw new CommandError(
        "unreachable",
        `The stack '${stack}' lacks the output ${missing}, or this version does not support its form.\nDeploy it again: \`npm run pulumi -- up -s ${stack}\`.`,
      );
    }
    this.#region = region;
    this.#task = smoke;
    this.#options = {
      print: console.log,
      sleep: (milliseconds, signal) => pause(milliseconds, undefined, { signal }),
      now: Date.now,
      ...options,
    };
  }

  /**
   * Starts the task, prints its log and waits for its end. Stops it after an error or when the signal aborts.
   * @returns The exit code of its container.
   * @throws CommandError with ECS's reason when the container never ran
   */
  async run(): Promise<number> {
    const arn = await this.#start();
    this.#options.print(`Started the task ${idOf(arn)}; the first lines take a minute or two.`);
    try {
      return await this.#follow(arn);
    } catch (error) {
      await this.#aws(["ecs", "stop-task", "--cluster", this.#task.cluster, "--task", arn]).catch(() => undefined);
      throw error;
    }
  }

  async #start(): Promise<string> {
    const { cluster, taskDefinition, subnets, securityGroup, container } = this.#task;
    const network = `awsvpcConfiguration={subnets=[${subnets}],securityGroups=[${securityGroup}],assignPublicIp=DISABLED}`;
    const command = ["node", "runtime/smoke/task.ts", "--limit", String(this.#options.limit)];
    const response = JSON.parse(
      await this.#aws([
        ...["ecs", "run-task", "--cluster", cluster, "--task-definition", taskDefinition, "--count", "1"],
        ...["--launch-type", "FARGATE", "--network-configuration", network, "--started-by", "rates-smoke"],
        ...["--overrides", JSON.stringify({ containerOverrides: [{ name: container, command }] })],
      ]),
    ) as { tasks?: unknown[]; failures?: { reason?: string }[] };
    const [failure] = response.failures ?? [];
    if (failure)
      throw new CommandError("unreachable", `ECS refused the smoke task: ${failure.reason ?? "no reason given"}.`);
    const [task] = response.tasks ?? [];
    if (!Value.Check(EcsTask, task))
      throw new CommandError("unreachable", "ECS started no task.\nTry again in a moment.");
    return task.taskArn;
  }

  async #follow(arn: string): Promise<number> {
    const { signal, sleep, now } = this.#options;
    const startedAt = now();
    for (;;) {
      signal.throwIfAborted();
      const task = await this.#describe(arn);
      if (task?.lastStatus === "STOPPED") return this.#finish(task);
      const seconds = (now() - startedAt) / 1_000;
      const hasStarted = this.#nextToken !== undefined || (await this.#printLog(arn));
      if (hasStarted) await this.#printLog(arn);
      if (!hasStarted && seconds > START_SECONDS)
        throw new CommandError(
          "unreachable",
          `The smoke task did not start within ${START_SECONDS / 60} minutes (its status: ${task?.lastStatus ?? "unknown"}).\n\`aws ecs describe-tasks\` shows the reason.`,
        );
      if (seconds > SMOKE_SECONDS + START_SECONDS)
        throw new CommandError(
          "unreachable",
          `The smoke task did not end within ${SMOKE_SECONDS + START_SECONDS} seconds.`,
        );
      await sleep(POLL_MS, signal);
    }
  }

  async #finish(task: EcsTask): Promise<number> {
    const { sleep, signal } = this.#options;
    const { exitCode, reason } = task.containers?.find(({ name }) => name === this.#task.container) ?? {};
    if (exitCode === undefined)
      throw new CommandError(
        "unreachable",
        `The smoke task did not run: ${[task.stoppedReason, reason].filter(Boolean).join("; ") || "no reason given"}.`,
      );
    for (let poll = 0; poll < LAST_POLLS; poll++) {
      await this.#printLog(task.taskArn);
      await sleep(POLL_MS, signal);
    }
    if (reason) this.#options.print(`The container ended with ${exitCode}: ${reason}`);
    return exitCode;
  }

  async #describe(arn: string): Promise<EcsTask | undefined> {
    const response = JSON.parse(
      await this.#aws(["ecs", "describe-tasks", "--cluster", this.#task.cluster, "--tasks", arn]),
    ) as { tasks?: unknown[] };
    const [task] = response.tasks ?? [];
    return Value.Check(EcsTask, task) ? task : undefined;
  }

  /**
   * Prints new lines of the log, except the line with the token's hash, which is stored.
   * @returns True once the log exists.
   */
  async #printLog(arn: string): Promise<boolean> {
    const { logGroup, logStreams } = this.#task;
    for (;;) {
      const after =
        this.#nextToken === undefined ? ["--start-from-head"] : ["--start-from-head", "--next-token", this.#nextToken];
      let text: string;
      try {
        text = await this.#aws([
          ...["logs", "get-log-events", "--log-group-name", logGroup],
          ...["--log-stream-name", `${logStreams}/${idOf(arn)}`, ...after],
        ]);
      } catch (error) {
        // The stream is created when the container starts.
        if (/ResourceNotFoundException/.test((error as Error).message)) return false;
        throw error;
      }
      const log: unknown = JSON.parse(text);
      if (!Value.Check(Log, log)) throw new CommandError("unreachable", "CloudWatch returned no events.");
      for (const { message } of log.events) await this.#handleLine(message);
      if (log.nextForwardToken === this.#nextToken) return true;
      this.#nextToken = log.nextForwardToken;
    }
  }

  async #handleLine(line: string): Promise<void> {
    const token = parseTokenLine(line);
    if (token) await this.#storeHash(token);
    else this.#options.print(line);
  }

  /** Stores the hash of the task's token in the database. The hash does not reveal the token. */
  async #storeHash({ id, hash }: TokenHash): Promise<void> {
    const expiresAt = new Date(this.#options.now() + SMOKE_SECONDS * 1_000).toISOString();
    const token = { id, hash, name: "smoke inside", tenant: DEFAULT_TENANT, scopes: SCOPES, expiresAt };
    const response = await this.#aws([
      ...["lambda", "invoke", "--function-name", this.#task.migrationsFunction],
      ...["--cli-binary-format", "raw-in-base64-out", "--payload", JSON.stringify({ token }), "/dev/stdout"],
    ]);
    if (response.includes('"FunctionError"'))
      throw new CommandError("unreachable", `The task's token could not be stored: ${response.trim().slice(0, 1_000)}`);
  }

  #aws(args: string[]): Promise<string> {
    return awsCommand(args, this.#region, COMMAND);
  }
}

const idOf = (arn: string): string => arn.split("/").at(-1) ?? arn;
