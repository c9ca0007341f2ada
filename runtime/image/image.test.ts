import assert from "node:assert/strict";
import { randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { readStackFile, stacksIn } from "../../stacks/config/parse.ts";
import { schedule } from "../dispatcher/schedule.ts";
import { freePort } from "../local/ports.ts";
import { ROOT } from "../platform/root.ts";
import { baseImage, build, docker, eventually, IMAGES, inspect, requireDocker } from "../testing/image/engine.ts";
import { smokeImports } from "../testing/image/smokeImports.ts";
import { testPlatform } from "../testing/runner/runner.ts";

/** Maximum bytes that the image adds to its base image. It added 36.0 MB when this maximum was chosen. */
const MAX_BYTES = 37_000_000;
/** Options of a hardened container: only /tmp is writable, and it has no capabilities. */
const HARDENED = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"];

describe("the image", () => {
  let platform: Awaited<ReturnType<typeof testPlatform>>;
  const containers: string[] = [];
  before(async function () {
    await requireDocker(this);
    await build("image");
    platform = await testPlatform();
  });
  after(async () => {
    if (containers.length > 0) await docker("rm", "--force", ...containers);
    await platform?.close();
  });

  beforeEach(function () {
    this.currentTest?.timeout(120_000);
  });

  /** Starts a container in this machine's network, connected to the test platform's database and queues. */
  const start = async (options: { env?: Record<string, string>; command?: string[] } = {}): Promise<string> => {
    const name = `rates-image-${randomBytes(4).toString("hex")}`;
    containers.push(name);
    const env = {
      ...platform.cloud.env,
      ...platform.database.env,
      RATES_SETTINGS: JSON.stringify({ ...platform.context.settings, api: { openRates: true } }),
      ...options.env,
    };
    const variables = Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
    await docker(
      ...["run", "--detach", "--name", name, "--network", "host", ...HARDENED, ...variables],
      ...[IMAGES.image, ...(options.command ?? [])],
    );
    return name;
  };
  const runInImage = (...command: string[]) => docker("run", "--rm", ...HARDENED, IMAGES.image, ...command);

  it("contains no development package, test, benchmark or command line", async () => {
    const { packages: locked } = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, "utf8"));
    const development = Object.entries<{ dev?: boolean }>(locked).filter(([, { dev }]) => dev);
    const files = (await runInImage("find", "/app", "-type", "f")).split("\n");
    const packages = development.map(([path]) => path).filter((path) => files.includes(`/app/${path}/package.json`));
    assert.deepEqual(packages, []);
    const ownFiles = files.filter((file) => !file.startsWith("/app/node_modules/"));
    assert.deepEqual(
      ownFiles.filter((file) => /\.test\.ts$|\/testing|\/(local|bench|cli|fixtures)\/|npmrc|lock/.test(file)),
      [],
    );
    assert.ok(ownFiles.includes("/app/runtime/api/main.ts") && ownFiles.includes("/app/db/queries/average_rates.sql"));

    const bytes = Number(await inspect(IMAGES.image, ".Size")) - Number(await inspect(baseImage(), ".Size"));
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes above the base image`);
  });

  it("has no file next to a folder of the same name, since their order in a layer can differ between builds", async () => {
    const files = (await runInImage("find", "/app/db", "/app/runtime", "-type", "f")).split("\n");
    const folders = new Set(files.map((file) => file.slice(0, file.lastIndexOf("/"))));
    assert.deepEqual(
      files.filter((file) => folders.has(file.replace(/\.[^./]+$/, ""))),
      [],
    );
  });

  it("has the same layers when it is built again without a cache", async () => {
    const again = "rates-platform-again";
    await build("image", again, "--no-cache");
    const layers = await inspect(again, ".RootFS.Layers");
    await docker("image", "rm", again);
    assert.deepEqual(layers, await inspect(IMAGES.image, ".RootFS.Layers"));
  });

  it("runs as an unprivileged user that cannot change its files, even on a writable file system", async () => {
    assert.equal(await inspect(IMAGES.image, ".Config.User"), "1000:1000");
    assert.equal(
      await docker("run", "--rm", IMAGES.image, "sh", "-c", "id -u; find /app -writable; touch /tmp/x && echo tmp"),
      "1000\ntmp",
    );
  });

  it("has RDS's certificate authorities for the region of every stack, none of them expired", async () => {
    const pems =
      (await runInImage("cat", "/app/rds-ca.pem")).match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
    const certificates = pems.map((pem) => new X509Certificate(pem));
    assert.deepEqual(
      certificates.filter(({ validToDate }) => validToDate < new Date()).map(({ subject }) => subject),
      [],
    );
    const stacks = stacksIn(ROOT);
    assert.ok(stacks.length > 0);
    for (const { region } of stacks.map((stack) => readStackFile(stack, ROOT).account))
      assert.equal(
        certificates.filter(({ subject }) => subject.includes(`Amazon RDS ${region} Root CA`)).length,
        3,
        region,
      );
  });

  it("serves the API on a read-only file system, reports its health, and completes open requests", async () => {
    const port = await freePort();
    const name = await start({ env: { HOST: "127.0.0.1", PORT: String(port) } });
    await eventually(
      "healthy",
      () => inspect(name, ".State.Health.Status"),
      (status) => status === "healthy",
    );
    const url = `http://127.0.0.1:${port}/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=AAAAA&dest_code=BBBBB`;
    assert.deepEqual(await (await fetch(url)).json(), { rates: [{ day: "2021-01-01", count: null, price: null }] });

    // The dashboard's files, its libraries among them, are in the image.
    const page = await (await fetch(`http://127.0.0.1:${port}/dashboard`)).text();
    const files = [...page.matchAll(/(?:href|src)="(dashboard\/[^"]+)"/g)].map(([, path]) => path);
    assert.ok(files.some((path) => path?.includes("/library/preact/")));
    for (const path of files) assert.equal((await fetch(`http://127.0.0.1:${port}/${path}`)).status, 200, path);

    // The last byte of this request is sent while the container stops.
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{");
    await once(socket, "ready");
    await fetch(`http://127.0.0.1:${port}/healthz`); // by now the server has read the first part of the request
    const stopped = docker("stop", "--time", "20", name);
    await eventually(
      "no longer listening",
      () => isRefused(port),
      (refused) => refused,
    );
    socket.write("}");
    assert.match(await textOf(socket), /^HTTP\/1\.1 401 /);
    await stopped;
    assert.equal(await inspect(name, ".State.ExitCode"), 0);
  });

  it("is not healthy without its database", async () => {
    const port = await freePort();
    const closedPort = await freePort();
    const name = await start({ env: { HOST: "127.0.0.1", PORT: String(port), DATABASE_PORT: String(closedPort) } });
    await eventually(
      "listening",
      () => isRefused(port),
      (refused) => !refused,
    );
    const check = docker("exec", name, "node", "runtime/image/health.ts");
    await assert.rejects(check, ({ code, stdout }) => code === 1 && /readyz: 503/.test(stdout));
  });

  it("executes a job as a runner on a read-only file system, and exits with code 0", async () => {
    const items = [{ orig_code: "AAAAA", dest_code: "BBBBB", day: "2021-01-02", price: 7 }];
    const task = { type: "update", target: "prices", mode: "append", source: { inline: items } };
    await platform.request({ requestId: "in-a-container", task });
    await schedule(platform.context);
    const [run] = platform.launcher.started.splice(0);
    assert.ok(run);
    const name = await start({
      command: ["node", "--expose-gc", "runtime/runner/main.ts", "--run", run, "--runner", "ec2"],
    });
    assert.equal(await docker("wait", name), "0", await docker("logs", name));
    assert.equal((await platform.document("in-a-container")).status, "SUCCEEDED");
  });
});

describe("the image of the smoke task", () => {
  const hardened = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
  before(async function () {
    await requireDocker(this);
    await build("image");
    await build("smoke");
  });
  beforeEach(function () {
    this.currentTest?.timeout(120_000);
  });

  it("contains package.json and exactly the files that its program imports, in one layer on top of the platform image", async () => {
    const files = await docker(
      "run",
      "--rm",
      IMAGES.smoke,
      "find",
      "/app",
      "-path",
      "*/node_modules",
      "-prune",
      "-o",
      "-type",
      "f",
      "-print",
    );
    assert.deepEqual(
      files.split("\n").sort(),
      [...(await smokeImports()), "package.json"].map((path) => `/app/${path}`).sort(),
    );
    const layers = (await inspect(IMAGES.smoke, ".RootFS.Layers")) as string[];
    const shared = (await inspect(IMAGES.image, ".RootFS.Layers")) as string[];
    assert.equal(layers.filter((layer) => !shared.includes(layer)).length, 1);
  });

  it("runs on a read-only file system without root, and reports missing environment variables", async () => {
    assert.equal(await inspect(IMAGES.smoke, ".Config.User"), "1000:1000");
    const run = docker("run", "--rm", ...hardened, IMAGES.smoke);
    await assert.rejects(
      run,
      ({ code, stderr }) => code === 2 && /missing or invalid: stack, region, api/.test(stderr),
    );
  });

  it("has the same layers when it is built again without a cache", async () => {
    const again = "rates-platform-smoke-again";
    await build("smoke", again, "--no-cache");
    const layers = await inspect(again, ".RootFS.Layers");
    await docker("image", "rm", again);
    assert.deepEqual(layers, await inspect(IMAGES.smoke, ".RootFS.Layers"));
  });
});

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}
