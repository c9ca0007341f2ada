import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { start } from "../testing/cli.ts";
import { type CommandResult, FakeAwsCommand } from "../testing/fakeAwsCommand.ts";
import { parseTokenLine, SMOKE_SECONDS, tokenLine } from "./handshake.ts";
import { SmokeTask } from "./inside.ts";

const ARN = "arn:aws:ecs:eu-central-1:111111111111:task/rates-dev-smoke-1/0123456789abcdef";
const OUTPUTS = {
  stack: "dev",
  region: "eu-central-1",
  smoke: {
    ...{ cluster: "rates-dev-smoke-1", taskDefinition: "arn:definition:7", subnets: ["subnet-1", "subnet-2"] },
    ...{ securityGroup: "sg-1", container: "smoke", logGroup: "rates-dev-smoke-2", logStreams: "smoke/smoke" },
    migrationsFunction: "rates-dev-migrations-3",
  },
};
const TOKEN = { id: "0123456789ab", hash: createHash("sha256").update("secret").digest("hex") };
const NOW = Date.parse("2030-01-01T00:00:00Z");

const started: CommandResult = { stdout: { tasks: [{ taskArn: ARN, lastStatus: "PROVISIONING" }], failures: [] } };
const described = (lastStatus: string, more: object = {}): CommandResult => ({
  stdout: { tasks: [{ taskArn: ARN, lastStatus, ...more }] },
});
const stopped = (exitCode: number): CommandResult =>
  described("STOPPED", {
    stoppedReason: "Essential container in task exited",
    containers: [{ name: "smoke", exitCode }],
  });
const log = (token: string, ...lines: string[]): CommandResult => ({
  stdout: { events: lines.map((message) => ({ message, timestamp: 1 })), nextForwardToken: token },
});
const noStream: CommandResult = {
  stderr: "An error occurred (ResourceNotFoundException) when calling the GetLogEvents operation",
  code: 254,
};
const stored: CommandResult = { stdout: { tokenId: TOKEN.id, StatusCode: 200 } };

describe("a smoke run inside a stack's network", () => {
  let aws: FakeAwsCommand | undefined;
  afterEach(() => {
    aws?.remove();
    aws = undefined;
  });

  const run = async (
    results: Record<string, CommandResult[]>,
    { signal = new AbortController().signal, clockSpeed = 1 } = {},
  ) => {
    aws = new FakeAwsCommand({
      "ecs run-task": [started],
      "ecs describe-tasks": [stopped(0)],
      "ecs stop-task": [{ stdout: {} }],
      "lambda invoke": [stored],
      "logs get-log-events": [log("f/1")],
      ...results,
    });
    const lines: string[] = [];
    let seconds = 0;
    const task = new SmokeTask(OUTPUTS, {
      limit: 60,
      signal,
      print: (line) => lines.push(line),
      sleep: async (milliseconds) => {
        seconds += (clockSpeed * milliseconds) / 1_000;
      },
      now: () => NOW + seconds * 1_000,
    });
    return { lines, aws, exit: await task.run().catch((error: Error) => error) };
  };

  it("starts the stack's task in its private subnets, prints its log and returns its exit code", async () => {
    const { lines, exit, aws } = await run({
      "ecs describe-tasks": [described("PENDING"), described("RUNNING"), described("RUNNING"), stopped(1)],
      "logs get-log-events": [
        noStream,
        log("f/1", tokenLine(TOKEN), "Smoke run smoke-1 on dev"),
        log("f/1"),
        log("f/2", "failed   a check"),
        log("f/2"),
        log("f/3", "1 passed, 1 failed, 0 skipped"),
        log("f/3"),
      ],
    });
    assert.equal(exit, 1);
    assert.deepEqual(lines.slice(1), ["Smoke run smoke-1 on dev", "failed   a check", "1 passed, 1 failed, 0 skipped"]);
    const [call = []] = aws.callsOf("ecs run-task");
    assert.deepEqual(call.slice(2, 8), [
      ...["--cluster", "rates-dev-smoke-1", "--task-definition", "arn:definition:7"],
      ...["--count", "1"],
    ]);
    assert.ok(
      call.includes("awsvpcConfiguration={subnets=[subnet-1,subnet-2],securityGroups=[sg-1],assignPublicIp=DISABLED}"),
    );
    assert.deepEqual(JSON.parse(call[call.indexOf("--overrides") + 1] ?? ""), {
      containerOverrides: [{ name: "smoke", command: ["node", "runtime/smoke/task.ts", "--limit", "60"] }],
    });
    for (const args of aws.calls) assert.equal(args[args.indexOf("--region") + 1], "eu-central-1");
    const [first = [], , third = []] = aws.callsOf("logs get-log-events");
    assert.equal(first[first.indexOf("--log-stream-name") + 1], "smoke/smoke/0123456789abcdef");
    assert.equal(third[third.indexOf("--next-token") + 1], "f/1");
    assert.deepEqual(aws.callsOf("ecs stop-task"), []);
  });

  it("stores the hash of the task's token until the task's time limit, and does not print it", async () => {
    const { lines, aws } = await run({
      "ecs describe-tasks": [described("RUNNING"), stopped(0)],
      "logs get-log-events": [log("f/1", tokenLine(TOKEN)), log("f/1")],
    });
    const [call = [], ...more] = aws.callsOf("lambda invoke");
    assert.deepEqual(more, []);
    assert.equal(call[call.indexOf("--function-name") + 1], "rates-dev-migrations-3");
    const { token } = JSON.parse(call[call.indexOf("--payload") + 1] ?? "");
    assert.deepEqual(token, {
      ...TOKEN,
      name: "smoke inside",
      tenant: "default",
      scopes: ["read", "submit", "update", "cancel", "admin"],
      expiresAt: new Date(NOW + SMOKE_SECONDS * 1_000).toISOString(),
    });
    assert.ok(!lines.join("\n").includes(TOKEN.hash));
  });

  it("accepts a token hash only from a line that matches exactly", () => {
    assert.deepEqual(parseTokenLine(tokenLine(TOKEN)), TOKEN);
    for (const line of [
      `x ${tokenLine(TOKEN)}`,
      "smoke-token {",
      'smoke-token {"id":"0123456789ab","hash":"short"}',
      `smoke-token ${JSON.stringify({ ...TOKEN, scopes: ["admin"] })}`,
    ])
      assert.equal(parseTokenLine(line), undefined, line);
  });

  it("reports ECS's reason when the container did not run or the task was refused", async () => {
    const { exit } = await run({
      "ecs describe-tasks": [
        described("STOPPED", {
          stoppedReason: "CannotPullContainerError: not found",
          containers: [{ name: "smoke", reason: "image" }],
        }),
      ],
    });
    assert.match(String(exit), /The smoke task did not run: CannotPullContainerError: not found; image\./);
    const refused = await run({ "ecs run-task": [{ stdout: { tasks: [], failures: [{ reason: "RESOURCE:ENI" }] } }] });
    assert.match(String(refused.exit), /ECS refused the smoke task: RESOURCE:ENI/);
  });

  it("fails and stops the task if it does not start or does not end in time", async () => {
    const waiting = await run(
      { "ecs describe-tasks": [described("PENDING")], "logs get-log-events": [noStream] },
      { clockSpeed: 100 },
    );
    assert.match(String(waiting.exit), /did not start within 10 minutes \(its status: PENDING\)/);
    assert.equal(waiting.aws.callsOf("ecs stop-task").length, 1);
    const running = await run({ "ecs describe-tasks": [described("RUNNING")] }, { clockSpeed: 1_000 });
    assert.match(String(running.exit), /did not end within 7800 seconds/);
    assert.equal(running.aws.callsOf("ecs stop-task").length, 1);
  });

  it("stops the task and reports the function's error when its token cannot be stored", async () => {
    const { exit, aws } = await run({
      "ecs describe-tasks": [described("RUNNING")],
      "logs get-log-events": [log("f/1", tokenLine(TOKEN)), log("f/1")],
      "lambda invoke": [{ stdout: { errorMessage: "PAM authentication failed", FunctionError: "Unhandled" } }],
    });
    assert.match(String(exit), /token could not be stored: .*PAM authentication failed/);
    assert.deepEqual(aws.callsOf("ecs stop-task")[0]?.slice(2, 6), ["--cluster", "rates-dev-smoke-1", "--task", ARN]);
  });

  it("refers to the required permissions when AWS denies a call, and stops the task when it is interrupted", async () => {
    const denied = await run({ "ecs run-task": [{ stderr: "AccessDeniedException", code: 254 }] });
    assert.match(String(denied.exit), /aws ecs run-task failed: AccessDeniedException\n.*docs\/operating\.md/);
    const interrupted = await run({}, { signal: AbortSignal.abort() });
    assert.match(String(interrupted.exit), /AbortError/);
    assert.equal(interrupted.aws.callsOf("ecs stop-task").length, 1);
  });

  it("names a missing output of the stack", () => {
    const options = { limit: 60, signal: new AbortController().signal };
    const { smoke, ...outputsWithoutSmoke } = OUTPUTS;
    assert.throws(
      () => new SmokeTask(outputsWithoutSmoke, options),
      /lacks the output smoke, .*\n.*pulumi -- up -s dev/,
    );
    const { logGroup, ...incomplete } = smoke;
    assert.throws(
      () => new SmokeTask({ ...outputsWithoutSmoke, smoke: incomplete }, options),
      /lacks the output smoke/,
    );
  });

  it("requires a stack, and refuses --api, --data-dir and an invalid --limit", async () => {
    const program = new URL("main.ts", import.meta.url).pathname;
    for (const [args, message] of [
      [["--inside"], /Add --stack NAME/],
      [["--stack", "dev", "--inside", "--api", "http://127.0.0.1:1"], /--inside and --api cannot be combined/],
      [["--stack", "dev", "--data-dir", "x"], /--stack and --data-dir cannot be combined/],
      [["--limit", "0"], /--limit 0 must be a number/],
    ] as const) {
      const { code, stderr } = await start(args, {}, { program }).ended;
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});
