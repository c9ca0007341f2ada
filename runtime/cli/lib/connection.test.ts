import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { begin, cliSuite, event, job, json, start } from "../../testing/cli.ts";
import { EXITS } from "./exits.ts";

describe("the connection of the command line", () => {
  const suite = cliSuite();
  const { against } = suite;

  it("sends the job's tenant with every request about the job", async () => {
    const { env, calls } = await against((call) => {
      if (call.requestLine.includes("/events")) return begin(call).end(event(job("SUCCEEDED")));
      return json(call, { ...job("SUCCEEDED"), jobs: [] });
    });
    for (const command of ["watch", "show", "cancel", "retry", "result"])
      await start([command, "a", "--tenant", "x"], env).ended;
    await start(["list", "--tenant", "x"], env).ended;
    await start(["submit", "-", "--watch"], env, { input: '{"tenant":"x","task":{}}' }).ended;
    assert.equal(calls.length, 9);
    for (const call of calls) assert(call.includes("tenant=x") || call === "POST /jobs", call);
  });

  it("suggests commands for the same platform", async () => {
    const pending = { requestId: "a", tenant: "default", status: "PENDING" };
    const { url, env } = await against((call) => json(call, pending));
    await writeFile(join(suite.directory, "platform.json"), JSON.stringify({ api: url, token: "local" }));
    const message = async (more: string[], env: Record<string, string>) =>
      (await start(["submit", "--query", "q", ...more], env).ended).stderr;
    const dataDirOption = `--data-dir ${suite.directory}`;
    assert.match(await message(dataDirOption.split(" "), {}), new RegExp(`\`rates watch a ${dataDirOption}\` waits`));
    assert.match(
      await message(["--api", url, "--token", "x", "--tenant", "y"], {}),
      new RegExp(`\`rates watch a --api ${url} --tenant y\` waits`),
    );
    assert.match(await message([], env), /`rates watch a` waits/, "settings from the environment are not repeated");
    const spaced = join(suite.directory, "a b");
    await mkdir(spaced);
    await writeFile(join(spaced, "platform.json"), JSON.stringify({ api: url, token: "local" }));
    assert((await message(["--data-dir", spaced], {})).includes(`\`rates watch a --data-dir '${spaced}'\``), "quoted");
  });

  it("sends the local token only to the local platform", async () => {
    const { url, calls } = await against((call) => json(call, { jobs: [] }));
    const platform = { api: "http://127.0.0.1:1", token: "local" };
    await writeFile(join(suite.directory, "platform.json"), JSON.stringify(platform));
    const env = { RATES_DATA_DIR: suite.directory };
    assert.equal((await start(["list", "--api", url], env).ended).code, EXITS.invalid.code);
    assert.deepEqual(calls, []);
    await writeFile(join(suite.directory, "platform.json"), JSON.stringify({ ...platform, api: url }));
    assert.equal((await start(["list", "--api", `${url}/`], env).ended).code, 0);
  });

  it("names the next step if the token is refused, or a remote platform does not respond", async () => {
    const problem = { type: "Forbidden", title: "x", status: 403, detail: "This token may not cancel." };
    const { env } = await against((call) => json(call, problem, 403));
    const { code, stderr } = await start(["cancel", "a"], env).ended;
    assert.deepEqual([code, stderr.split("\n")[0]], [EXITS.unreachable.code, problem.detail]);
    assert.match(stderr, /`rates doctor` shows what the token may do/);
    const unreachable = await start(["list"], { RATES_API: "http://[::ffff:127.0.0.1]:1", RATES_TOKEN: "x" }).ended;
    assert.match(unreachable.stderr, /does not respond .*\nCheck that this network can reach it.*`rates doctor`/);
  });

  it("refuses an unusable URL or token before anything is sent, without printing a secret", async () => {
    const { url, calls } = await against((call) => json(call, { jobs: [] }));
    for (const [args, message] of [
      [["--api", "http://user:hunter2@127.0.0.1:1", "--token", "x"], /must not contain a user or a password/],
      [["--api", `${url}/rates?date=1`, "--token", "x"], /must end before '\?'/],
      [["--api", `${url}/#/dashboard`, "--token", "x"], /must end before '#'/],
      [["--api", "127.0.0.1:3000", "--token", "x"], /must be a URL, for example http/],
      [["--api", url, "--token", "hunter2\nb"], /token contains spaces, line breaks/],
      [["--api", url, "--token", "hunter2🙂"], /token contains .* not ASCII/],
      [["--api", "", "--token", "x"], /--api is empty\. Give a value, or leave it out/],
      [["--api", url, "--token", ""], /--token is empty/],
      [["--data-dir", ""], /--data-dir is empty/],
      [["--profile", " "], /--profile is empty/],
      [["--stack", ""], /--stack is empty/],
    ] as const) {
      const { code, stderr, stdout } = await start(["list", ...args], {}).ended;
      assert.deepEqual([code, stdout], [EXITS.invalid.code, ""], stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /hunter2/);
    }
    assert.deepEqual(calls, []);
  });

  it("accepts spaces around a URL and a token, and the prefix Bearer; treats empty variables as absent", async () => {
    const authorizations: (string | undefined)[] = [];
    const { url } = await against((call) => {
      authorizations.push(call.response.req.headers.authorization);
      return json(call, { jobs: [] });
    });
    for (const [api, token] of [
      [` ${url}/ `, " x "],
      [url, "Bearer x"],
    ] as const)
      assert.equal((await start(["list", "--api", api, "--token", token], {}).ended).code, 0);
    await writeFile(join(suite.directory, "platform.json"), JSON.stringify({ api: url, token: "x" }));
    const empty = { RATES_API: "", RATES_TOKEN: "", RATES_PROFILE: "" };
    assert.equal((await start(["list", "--data-dir", suite.directory], empty).ended).code, 0);
    assert.deepEqual(authorizations, ["Bearer x", "Bearer x", "Bearer x"]);
  });
});
