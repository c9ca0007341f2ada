import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Ec2Runner } from "./ec2Runner.ts";
import { DATABASE, mocked } from "./testing/mocks.ts";

const IMAGE = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/images@sha256:abc";
const ROLE = { AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret/of+an=instance", Token: "token==" };
const METADATA: Record<string, string> = {
  "tags/instance/rates:launch": "4f7d2f0e-launch",
  "tags/instance/rates:runner": "ec2",
  "instance-id": "i-0123456789abcdef0",
  "iam/security-credentials/": "runner",
  "iam/security-credentials/runner": JSON.stringify({ Code: "Success", ...ROLE }, null, 2),
};

/** Returns an instance's user data: the script of the launch template. */
async function userData(): Promise<string> {
  const { registry } = await mocked(
    () =>
      new Ec2Runner("r", {
        placement: { vpcId: "vpc-1", subnetIds: ["subnet-1"] },
        image: IMAGE,
        repositoryArn: "arn:repository",
        amiId: "ami-1",
        instanceType: "t4g.small",
        spot: true,
        onDemandFallback: true,
        maxInstances: 4,
        lifetimeSeconds: 3_600,
        maxTimeoutSeconds: 600,
        environment: { RATES_SETTINGS: '{"a":"b $c `d`"}', AWS_REGION: "eu-central-1" },
        database: DATABASE,
        statements: [],
        retentionDays: 30,
        tags: {},
        region: "eu-central-1",
        accountId: "111111111111",
      }),
  );
  return Buffer.from(registry.resource("aws:ec2/launchTemplate:LaunchTemplate").inputs.userData, "base64").toString();
}

/**
 * A fake instance: the script's paths are in a folder, commands that affect the machine are only recorded, and a local
 * server acts as metadata service and ECR.
 */
class Instance {
  readonly folder = mkdtempSync(join(tmpdir(), "rates-instance-"));
  readonly metadata: Record<string, string> = { ...METADATA };
  /** Called before each read of the metadata. */
  onMetadataRead: (path: string) => void = () => undefined;
  readonly #server: Server;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(server: Server, env: NodeJS.ProcessEnv) {
    this.#server = server;
    this.#env = env;
  }

  static async start(): Promise<Instance> {
    const server = createServer();
    const env: NodeJS.ProcessEnv = {};
    const instance = new Instance(server, env);
    server.on("request", async (request, response) => {
      const { status, body } = instance.#respond(request, await text(request));
      response.writeHead(status).end(body);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { folder } = instance;
    for (const directory of ["bin", "etc/systemd/system", "fake"])
      mkdirSync(join(folder, directory), { recursive: true });
    for (const command of ["docker", "shutdown", "systemctl", "sleep"]) instance.fake(command);
    Object.assign(env, {
      PATH: [join(folder, "fake"), join(folder, "bin"), process.env.PATH].join(delimiter),
      METADATA: url,
      ECR: url,
      NO_PROXY: "127.0.0.1",
    });
    return instance;
  }

  /** Installs a fake command that records its arguments and exits with a code. */
  fake(command: string, exit = 0): void {
    const file = join(this.folder, "fake", command);
    writeFileSync(file, `#!/bin/bash\nprintf '%s\\n' "${command} $*" >>"${this.folder}/calls"\nexit ${exit}\n`);
    chmodSync(file, 0o755);
  }

  /** Calls of fake commands so far, one per line. */
  get calls(): string[] {
    return this.read("calls").trimEnd().split("\n");
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  /** Runs a script or one of the commands that it created; rejects if it fails. */
  async run(script: string): Promise<void> {
    const localScript = script
      .replaceAll("/usr/local/bin/", `${this.folder}/bin/`)
      .replaceAll("/etc/", `${this.folder}/etc/`);
    await promisify(execFile)("bash", ["-c", localScript], { env: this.#env, timeout: 20_000 });
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.folder, { recursive: true });
  }

  #respond({ method, url = "", headers }: IncomingMessage, body: string): { status: number; body: string } {
    if (method === "PUT" && url === "/latest/api/token") return { status: 200, body: "imds-token" };
    if (url.startsWith("/latest/meta-data/")) {
      if (headers["x-aws-ec2-metadata-token"] !== "imds-token") return { status: 401, body: "" };
      const path = url.slice("/latest/meta-data/".length);
      this.onMetadataRead(path);
      const value = this.metadata[path];
      return value === undefined ? { status: 404, body: "" } : { status: 200, body: value };
    }
    const valid =
      headers["x-amz-target"] === "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" &&
      headers["x-amz-security-token"] === ROLE.Token &&
      body === "{}" &&
      headers.authorization?.endsWith(`Signature=${signature(headers, body)}`);
    if (!valid) return { status: 400, body: JSON.stringify(headers) };
    const authorizationToken = Buffer.from("AWS:password").toString("base64");
    return { status: 200, body: JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt: 1.7e9 }] }) };
  }
}

/** Expected AWS Signature Version 4 of a POST to /, over the headers that were signed. */
function signature(headers: NodeJS.Dict<string | string[]>, body: string): string {
  const signed = /SignedHeaders=([^,]+)/.exec(String(headers.authorization))?.[1] ?? "";
  const timestamp = String(headers["x-amz-date"]);
  const sha256 = (value: string) => createHash("sha256").update(value).digest("hex");
  const hmac = (key: string | Buffer, value: string) => createHmac("sha256", key).update(value).digest();
  const lines = signed.split(";").map((name) => `${name}:${headers[name]}\n`);
  const request = ["POST", "/", "", lines.join(""), signed, sha256(body)].join("\n");
  const scope = [timestamp.slice(0, 8), "eu-central-1", "ecr", "aws4_request"];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${ROLE.SecretAccessKey}`);
  return hmac(key, ["AWS4-HMAC-SHA256", timestamp, scope.join("/"), sha256(request)].join("\n")).toString("hex");
}

describe("the script of an EC2 run", () => {
  let script: string;
  let instance: Instance;
  before(async () => {
    script = await userData();
  });
  beforeEach(async () => {
    instance = await Instance.start();
  });
  afterEach(() => instance.close());
  const RUN = "/usr/local/bin/rates-run";

  it("limits the lifetime of the instance first, then starts the run through systemd", async () => {
    await instance.run(script);
    assert.equal(instance.calls[0], "shutdown --no-wall -h +80");
    assert.equal(instance.calls.at(-1), "systemctl start --no-block rates.service");
    assert.ok(!instance.calls.includes("systemctl poweroff"));
    assert.equal(
      instance.read("etc/rates/environment"),
      'AWS_REGION=eu-central-1\nRATES_SETTINGS={"a":"b $c `d`"}\n',
      "docker reads it without expansion",
    );
  });

  it("shuts the instance down when the script fails", async () => {
    instance.fake("systemctl", 1);
    await assert.rejects(instance.run(script));
    assert.equal(instance.calls.at(-1), "systemctl poweroff");
  });

  it("powers the instance off when the run succeeds or fails", async () => {
    await instance.run(script);
    const unit = instance.read("etc/systemd/system/rates.service");
    assert.match(unit, /^SuccessAction=poweroff$/m);
    assert.match(unit, /^FailureAction=poweroff$/m);
    assert.match(unit, /^TimeoutStopSec=60$/m);
  });

  it("pulls the image with the instance's role, and passes launch, instance and runner type to the runner", async () => {
    await instance.run(script);
    await instance.run(RUN);
    assert.deepEqual(JSON.parse(instance.read("etc/rates/docker/config.json")), {
      auths: { "111111111111.dkr.ecr.eu-central-1.amazonaws.com": { auth: "QVdTOnBhc3N3b3Jk" } },
    });
    const [pull = "", run = ""] = instance.calls.slice(-2);
    assert.equal(pull, `docker --config ${instance.folder}/etc/rates/docker pull --quiet ${IMAGE}`);
    const runner = "--launch 4f7d2f0e-launch --instance i-0123456789abcdef0 --runner ec2";
    assert.ok(run.endsWith(`${IMAGE} node --expose-gc runtime/runner/main.ts ${runner}`), run);
    for (const flag of ["--read-only", "--cap-drop ALL", "--no-healthcheck", "--network host", "awslogs-group=r"])
      assert.ok(run.includes(flag), flag);
    assert.ok(run.includes("LOG_LOCATION=r/i-0123456789abcdef0"), run);
  });

  for (const missing of ["tags/instance/rates:launch", "instance-id", "iam/security-credentials/"])
    it(`fails before it runs docker when the metadata has no ${missing}`, async () => {
      await instance.run(script);
      delete instance.metadata[missing];
      await assert.rejects(instance.run(RUN));
      assert.ok(!instance.calls.some((call) => call.startsWith("docker")));
    });

  it("fails before it runs docker when ECR refuses the login", async () => {
    await instance.run(script);
    instance.metadata["iam/security-credentials/runner"] = JSON.stringify({ ...ROLE, SecretAccessKey: "another" });
    await assert.rejects(instance.run(RUN));
    assert.ok(!instance.calls.some((call) => call.startsWith("docker")));
  });

  it("drains the runner when a Spot Instance gets its interruption notice", async () => {
    await instance.run(script);
    let reads = 0;
    instance.onMetadataRead = () => {
      if (++reads === 3) instance.metadata["spot/instance-action"] = '{"action":"terminate"}';
    };
    await instance.run("/usr/local/bin/rates-spot");
    const kill = instance.calls.indexOf("docker kill --signal SIGTERM rates");
    assert.deepEqual(instance.calls.slice(kill - 2, kill), ["sleep 5", "sleep 5"]);
  });

  it("repeats the signal for two minutes, even if the runner's container does not exist yet", async () => {
    await instance.run(script);
    instance.metadata["spot/instance-action"] = '{"action":"terminate"}';
    instance.fake("docker", 1);
    const before = instance.calls.length;
    await instance.run("/usr/local/bin/rates-spot");
    const signals = Array.from({ length: 60 }, () => ["docker kill --signal SIGTERM rates", "sleep 2"]).flat();
    assert.deepEqual(instance.calls.slice(before), signals);
  });

  it("has valid bash in each of its files, and stays below half of EC2's size limit", async () => {
    await instance.run(script);
    for (const command of ["rates-metadata", "rates-login", "rates-run", "rates-spot"])
      execFileSync("bash", ["-n", join(instance.folder, "bin", command)]);
    assert.ok(Buffer.byteLength(script) < 8_192, "half of the 16 KB remains for settings");
  });
});
