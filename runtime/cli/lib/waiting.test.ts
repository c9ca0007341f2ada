import assert from "node:assert/strict";
import { begin, event, job, json, start, startFakeServer } from "../../testing/cli.ts";

const SENTENCE = "Waiting for an EC2 run: 2 of 2 busy, 3 jobs ahead, waited 8 s";
const REMEDY = "To run more jobs at once, raise runners.ec2.maxInstances.";
const waiting = {
  reason: "slots",
  sentence: SENTENCE,
  remedy: REMEDY,
  runner: "ec2",
  ahead: 3,
  busy: 2,
  slots: 2,
  waitedSeconds: 8,
};

describe("the estimated cost of a job on the command line", () => {
  it("is printed by show if the platform has prices", async () => {
    let more: object = { estimatedUsd: 0.000234 };
    const api = await startFakeServer((call) =>
      json(call, call.requestLine.includes("/timeline") ? {} : job("SUCCEEDED", more)),
    );
    try {
      assert.match(
        (await start(["show", "a"], api.env).ended).stdout,
        /^ {2}estimated cost 0\.00023 USD, at list prices$/m,
      );
      more = {};
      assert.doesNotMatch((await start(["show", "a"], api.env).ended).stdout, /estimated cost/);
    } finally {
      api.close();
    }
  });
});

describe("the reason of a job's wait on the command line", () => {
  it("is printed by watch until the job starts, and does not end the watch", async () => {
    let resolveRequested = () => undefined as unknown;
    const requested = new Promise((resolve) => {
      resolveRequested = () => resolve(undefined);
    });
    const api = await startFakeServer(async (call) => {
      if (call.requestLine.includes("/waiting")) {
        json(call, { waiting });
        return setTimeout(resolveRequested, 200);
      }
      if (!call.requestLine.includes("/events")) return json(call, job("PENDING"));
      const { response } = call;
      begin(call).write(event(job("PENDING")));
      await requested;
      response.write(event(job("IN_PROGRESS")));
      response.end(event(job("SUCCEEDED")));
    });
    try {
      const { stderr, code } = await start(["watch", "a"], api.env).ended;
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /PENDING a {2}Waiting for an EC2 run: 2 of 2 busy, 3 jobs ahead, waited 8 s\nTo run more jobs at once, raise runners\.ec2\.maxInstances\.\n.*IN_PROGRESS/s,
      );
    } finally {
      api.close();
    }
  });

  it("is printed by show for a waiting job only", async () => {
    let status = "PENDING";
    const api = await startFakeServer((call) =>
      json(call, call.requestLine.includes("/waiting") ? { waiting } : job(status)),
    );
    try {
      assert((await start(["show", "a"], api.env).ended).stdout.includes(`  ${SENTENCE}\n  ${REMEDY}\n`));
      status = "SUCCEEDED";
      assert(!(await start(["show", "a"], api.env).ended).stdout.includes(SENTENCE));
    } finally {
      api.close();
    }
  });
});
