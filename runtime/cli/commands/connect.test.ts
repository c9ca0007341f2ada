import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../../testing/cli.ts";
import { instructions } from "./connect.ts";

const ACCESS = {
  cluster: "cluster-1",
  taskDefinition: "arn:task-definition",
  subnets: ["subnet-1", "subnet-2"],
  securityGroup: "sg-1",
  host: "internal-balancer.example",
  port: 80,
};

/** Fake AWS and Pulumi commands. The aws command records its calls. */
class FakeCommands {
  readonly folder = mkdtempSync(join(tmpdir(), "rates-connect-"));
  constructor() {
    // PATH contains only these programs and the fakes, so that no other command of this machine runs.
    for (const [name, path] of [
      ["sh", "/bin/sh"],
      ["cat", "/bin/cat"],
      ["sleep", "/bin/sleep"],
    ] as const)
      symlinkSync(path, join(this.folder, name));
    this.make("session-manager-plugin", "exit 0");
    this.outputs({ access: ACCESS });
    this.aws({});
  }
  make(name: string, script: string): void {
    rmSync(join(this.folder, name), { force: true });
    writeFileSync(join(this.folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  remove(name: string): void {
    rmSync(join(this.folder, name));
  }
  outputs(more: object): void {
    const keys =
      "account,requestQueueUrl,responseQueueUrl,deadLetterQueueUrl,resultsBucket,uploadsBucket,dashboard,glueJob,launchTemplate,dispatcherFunction";
    const all = {
      ...Object.fromEntries(keys.split(",").map((key) => [key, "x"])),
      stack: "dev",
      region: "eu-central-1",
      api: "http://internal-balancer.example",
      ...more,
    };
    writeFileSync(join(this.folder, "outputs.json"), JSON.stringify(all));
    this.make("pulumi", `cat "${this.folder}/outputs.json"`);
  }
  /** Creates the aws command: `run` and `describe` are the outputs of ECS calls, `session` the script of a session. */
  aws({ run, describe, session = "exit 0" }: { run?: object; describe?: object; session?: string }): void {
    const running = {
      taskArn: "arn:aws:ecs:eu-central-1:111111111111:task/cluster-1/task-1",
      lastStatus: "RUNNING",
      containers: [{ runtimeId: "task-1-2", managedAgents: [{ name: "ExecuteCommandAgent", lastStatus: "RUNNING" }] }],
    };
    writeFileSync(join(this.folder, "run.json"), JSON.stringify(run ?? { tasks: [running] }));
    writeFileSync(join(this.folder, "describe.json"), JSON.stringify(describe ?? { tasks: [running] }));
    this.make(
      "aws",
      `echo "$*" >>"${this.folder}/calls"
case "$1 $2" in
  "ecs run-task") cat "${this.folder}/run.json" ;;
  "ecs describe-tasks") cat "${this.folder}/describe.json" ;;
  "ecs stop-task") echo '{}' ;;
  "ssm start-session") ${session} ;;
esac`,
    );
  }
  get calls(): string[] {
    const file = join(this.folder, "calls");
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }
  connect(...args: string[]) {
    return start(["connect", ...args], { PATH: this.folder });
  }
}

describe("rates connect", () => {
  let commands: FakeCommands;
  beforeEach(() => {
    commands = new FakeCommands();
  });
  afterEach(() => rmSync(commands.folder, { recursive: true }));

  it("starts the access task in private subnets, forwards a port to the load balancer, and stops the task", async () => {
    const { code, stderr } = await commands.connect("--stack", "dev", "--port", "9000").ended;
    assert.equal(code, 0, stderr);
    const [version, run = "", describe = "", session = "", stop = "", ...more] = commands.calls;
    assert.equal(version, "--version");
    assert.match(run, /^ecs run-task --cluster cluster-1 --task-definition arn:task-definition --count 1 /);
    assert.match(run, /--enable-execute-command/);
    assert.match(run, /subnets=\[subnet-1,subnet-2\],securityGroups=\[sg-1\],assignPublicIp=DISABLED/);
    assert.match(describe, /^ecs describe-tasks --cluster cluster-1 --tasks arn:aws:ecs:.*task-1/);
    assert.match(session, /--target ecs:cluster-1_task-1_task-1-2 /);
    assert.match(session, /--document-name AWS-StartPortForwardingSessionToRemoteHost /);
    const parameters = JSON.parse(/--parameters (.*)$/.exec(session)?.[1] ?? "");
    assert.deepEqual(parameters, {
      host: ["internal-balancer.example"],
      portNumber: ["80"],
      localPortNumber: ["9000"],
    });
    assert.match(stop, /^ecs stop-task --cluster cluster-1 --task arn:aws:ecs:.*task-1/);
    assert.deepEqual(more, []);
    for (const call of commands.calls.slice(1)) assert.match(call, /--region eu-central-1/);
    assert.match(stderr, /npx rates --api http:\/\/127\.0\.0\.1:9000/);
  });

  it("stops the task when the command is interrupted during a session", async () => {
    commands.aws({ session: `echo >"${commands.folder}/session"; exec sleep 60` });
    const watcher = watch(commands.folder);
    const { child, ended } = commands.connect("--stack", "dev");
    while (!existsSync(join(commands.folder, "session"))) await once(watcher, "change");
    watcher.close();
    child.kill("SIGINT");
    assert.equal((await ended).code, 0);
    assert.match(commands.calls.at(-1) ?? "", /^ecs stop-task /);
  });

  it("waits for a task that ECS does not describe yet", async () => {
    const { folder } = commands;
    writeFileSync(join(folder, "missing.json"), JSON.stringify({ tasks: [], failures: [{ reason: "MISSING" }] }));
    const script = readFileSync(join(folder, "aws"), "utf8").replace(
      `cat "${folder}/describe.json"`,
      `if [ -e "${folder}/polled" ]; then cat "${folder}/describe.json"; else : >"${folder}/polled"; cat "${folder}/missing.json"; fi`,
    );
    writeFileSync(join(folder, "aws"), script);
    const { code, stderr } = await commands.connect("--stack", "dev").ended;
    assert.equal(code, 0, stderr);
    assert.equal(commands.calls.filter((call) => call.startsWith("ecs describe-tasks")).length, 2);
  });

  it("reports ECS's reason if the task does not start, and stops the task", async () => {
    const stopped = {
      taskArn: "arn:task/cluster-1/task-1",
      lastStatus: "STOPPED",
      stoppedReason: "CannotPullContainerError",
    };
    commands.aws({ describe: { tasks: [stopped] } });
    const ended = await commands.connect("--stack", "dev").ended;
    assert.equal(ended.code, 4);
    assert.match(ended.stderr, /The access task ended: CannotPullContainerError/);
    assert.match(commands.calls.at(-1) ?? "", /^ecs stop-task /);
    commands.aws({ run: { tasks: [], failures: [{ reason: "RESOURCE:ENI" }] } });
    assert.match((await commands.connect("--stack", "dev").ended).stderr, /ECS refuses the access task: RESOURCE:ENI/);
  });

  it("fails if the session fails, and refers to the required permissions if AWS denies access", async () => {
    commands.aws({ session: "exit 254" });
    const failed = await commands.connect("--stack", "dev").ended;
    assert.equal(failed.code, 4);
    assert.match(failed.stderr, /The session ended with exit code 254/);
    commands.make("aws", '[ "$1" = --version ] || { echo "AccessDeniedException: no" >&2; exit 254; }');
    const { code, stderr } = await commands.connect("--stack", "dev").ended;
    assert.equal(code, 4);
    assert.match(stderr, /aws ecs run-task failed: AccessDeniedException: no\n.*docs\/operating\.md/);
  });

  for (const program of ["aws", "session-manager-plugin"])
    it(`reports that ${program} is missing before starting anything`, async () => {
      commands.remove(program);
      const { code, stderr } = await commands.connect("--stack", "dev").ended;
      assert.equal(code, 6);
      assert.match(stderr, new RegExp(`needs ${program}, which is not installed\\.\\nInstall (?:it|AWS's)`));
      assert.ok(!commands.calls.some((call) => call.startsWith("ecs")));
    });

  it("requires a stack with an access task, and a valid port", async () => {
    assert.match((await commands.connect().ended).stderr, /Name it: --stack NAME/);
    for (const port of ["0", "65536"])
      assert.match((await commands.connect("--stack", "dev", "--port", port).ended).stderr, /not between 1 and 65535/);
    commands.outputs({});
    const { code, stderr } = await commands.connect("--stack", "dev").ended;
    assert.equal(code, 4);
    assert.match(stderr, /'dev' has no access task among its outputs\.\nDeploy it again/);
  });

  it("explains how to use the certificate's host name", () => {
    assert.match(
      instructions("https://rates.example.com", 8080),
      /--connect-to rates\.example\.com:443:127\.0\.0\.1:8080/,
    );
    assert.doesNotMatch(instructions("http://balancer", 8080), /curl/);
  });
});
