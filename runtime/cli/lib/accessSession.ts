import { spawn, spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import type { StackOutputs } from "../../contract/stackOutputs.ts";
import { awsCommand } from "./awsCommand.ts";
import { EcsTask } from "./ecsTask.ts";
import { CommandError } from "./exits.ts";

/** Stack output that describes the access task (infra/access.ts). */
export const AccessOutputs = Type.Object({
  cluster: Type.String(),
  taskDefinition: Type.String(),
  subnets: Type.Array(Type.String()),
  securityGroup: Type.String(),
  host: Type.String(),
  port: Type.Number(),
});
export type AccessOutputs = Static<typeof AccessOutputs>;

/** Interval (milliseconds) and number of polls of a starting task. Fargate takes half a minute to two minutes. */
const POLL_MS = 2_000;
const POLLS = 120;
/** Commands that the session needs, and how to install them. */
const PROGRAMS = {
  aws: "Install AWS's command line, version 2: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
  "session-manager-plugin":
    "Install it beside AWS's command line: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
} as const;

/**
 * Checks that the programs of a session are installed.
 * @throws CommandError if one is missing
 */
export function requirePrograms(): void {
  for (const [program, remedy] of Object.entries(PROGRAMS))
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).error)
      throw new CommandError("internalError", `\`rates connect\` needs ${program}, which is not installed.\n${remedy}`);
}

/**
 * Session that forwards a local port to a stack's load balancer, through Systems Manager and the stack's access task.
 * `start` starts the task with the user's credentials, `stop` ends it. Without `stop`, the task ends after an hour.
 */
export class AccessSession {
  readonly #region: string;
  readonly #access: AccessOutputs;
  #taskArn: string | undefined;

  /** @throws CommandError if the stack was deployed without an access task */
  constructor({ stack, region, access }: StackOutputs) {
    if (!Value.Check(AccessOutputs, access))
      throw new CommandError(
        "unreachable",
        `The stack '${stack}' has no access task among its outputs.\nDeploy it again: \`npm run pulumi -- up -s ${stack}\`.`,
      );
    this.#region = region;
    this.#access = access;
  }

  /**
   * Starts the task and waits until it accepts sessions.
   * @returns the target of a session
   * @throws CommandError with ECS's reason if the task does not start
   */
  async start(signal: AbortSignal, sleep = defaultSleep): Promise<string> {
    const { cluster, taskDefinition, subnets, securityGroup } = this.#access;
    const network = `awsvpcConfiguration={subnets=[${subnets}],securityGroups=[${securityGroup}],assignPublicIp=DISABLED}`;
    const [started] = tasksOf(
      await this.#aws([
        ...["ecs", "run-task", "--cluster", cluster, "--task-definition", taskDefinition, "--count", "1"],
        ...["--launch-type", "FARGATE", "--enable-execute-command", "--network-configuration", network],
        ...["--started-by", "rates-connect"],
      ]),
    );
    if (!started) throw new CommandError("unreachable", "ECS started no task.\nTry again in a moment.");
    this.#taskArn = started.taskArn;
    for (let poll = 0; poll < POLLS; poll++) {
      signal.throwIfAborted();
      const [task] = tasksOf(
        await this.#aws(["ecs", "describe-tasks", "--cluster", cluster, "--tasks", started.taskArn]),
      );
      // ECS may answer MISSING for a task that exists; it describes stopped tasks for at least an hour.
      const target = task && sessionTarget(cluster, task);
      if (target) return target;
      if (task?.lastStatus === "STOPPED")
        throw new CommandError("unreachable", `The access task ended: ${task.stoppedReason ?? "ECS gave no reason"}.`);
      await sleep(POLL_MS, signal);
    }
    throw new CommandError(
      "unreachable",
      `The access task accepts no sessions after ${(POLLS * POLL_MS) / 60_000} minutes.\nWithout NAT it needs the endpoint ssmmessages; \`aws ecs describe-tasks\` shows the state of its ExecuteCommandAgent.`,
    );
  }

  /**
   * Forwards a port of this machine until the session ends or the signal aborts.
   * @returns the exit code of AWS's command; 0 if aborted or ended by a signal
   */
  async forward(target: string, localPort: number, signal: AbortSignal): Promise<number> {
    const { host, port } = this.#access;
    const parameters = { host: [host], portNumber: [String(port)], localPortNumber: [String(localPort)] };
    const child = spawn(
      "aws",
      [
        ...["ssm", "start-session", "--region", this.#region, "--target", target],
        ...[
          "--document-name",
          "AWS-StartPortForwardingSessionToRemoteHost",
          "--parameters",
          JSON.stringify(parameters),
        ],
      ],
      // The output goes to stderr, because it is not this command's result. `end` interrupts the whole process group:
      // AWS's command ignores SIGINT, but its plugin ends the session.
      { stdio: ["ignore", process.stderr, process.stderr], detached: true },
    );
    return new Promise((resolve, reject) => {
      const end = () => {
        if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
          process.kill(-child.pid, "SIGINT");
        // A session that ignores the signal ends with the task.
        child.unref();
        resolve(0);
      };
      signal.addEventListener("abort", end);
      child.once("error", reject);
      child.once("exit", (code) => {
        signal.removeEventListener("abort", end);
        resolve(code ?? 0);
      });
      if (signal.aborted) end();
    });
  }

  /** Ends the task, if one was started. */
  async stop(): Promise<void> {
    const task = this.#taskArn;
    if (task === undefined) return;
    this.#taskArn = undefined;
    await this.#aws(["ecs", "stop-task", "--cluster", this.#access.cluster, "--task", task]);
  }

  #aws(args: string[]): Promise<string> {
    return awsCommand(args, this.#region, "rates connect");
  }
}

function tasksOf(json: string): EcsTask[] {
  const response = JSON.parse(json) as { tasks?: unknown; failures?: { reason?: string }[] };
  // ECS is eventually consistent: DescribeTasks may not find a new task yet.
  const [failure] = (response.failures ?? []).filter(({ reason }) => reason !== "MISSING");
  if (failure) throw new CommandError("unreachable", `ECS refuses the access task: ${failure.reason ?? "no reason"}.`);
  return Array.isArray(response.tasks) ? response.tasks.filter((task) => Value.Check(EcsTask, task)) : [];
}

/** Returns the session target of a task whose agent accepts sessions: `ecs:<cluster>_<task>_<runtime id>`. */
function sessionTarget(cluster: string, { taskArn, containers = [] }: EcsTask): string | undefined {
  for (const { runtimeId, managedAgents = [] } of containers)
    if (
      runtimeId &&
      managedAgents.some((agent) => agent.name === "ExecuteCommandAgent" && agent.lastStatus === "RUNNING")
    )
      return `ecs:${cluster}_${taskArn.split("/").at(-1)}_${runtimeId}`;
  return undefined;
}

const defaultSleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  pause(milliseconds, undefined, { signal });
