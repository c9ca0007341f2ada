import assert from "node:assert/strict";
import { begin, event, httpDouble, job, json, start } from "../../testing/cli.ts";

const SENTENCE = "Waiting for an EC2 runner: 2 of 2 busy, 3 jobs ahead, 8 s";
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

describe("the estimated cost of a job, on the command line", () => {
  it("is printed by show if the platform has prices", async () => {
    let more: object = { estimatedUsd: 0.000234 };
    const double = await httpDouble((call) =>
      json(call, call.what.includes("/timeline") ? {} : job("SUCCEEDED", more)),
    );
    try {
      assert.match(
        (await start(["show", "a"], double.env).ended).stdout,
        /^ {2}estimated cost 0\.00023 USD, at list prices$/m,
      );
      more = {};
      assert.doesNotMatch((await start(["show", "a"], double.env).ended).stdout, /estimated cost/);
    } finally {
      double.close();
    }
  });
});

describe("the reason for a job's wait, on the command line", () => {
  it("is printed by watch until the job starts, and does not end the watch", async () => {
    let told = () => undefined as unknown;
    const asked = new Promise((resolve) => {
      told = () => resolve(undefined);
    });
    const double = await httpDouble(async (call) => {
      if (call.what.includes("/waiting")) {
        json(call, { waiting });
        return setTimeout(told, 200);
      }
      if (!call.what.includes("/events")) return json(call, job("PENDING"));
      const { response } = call;
      begin(call).write(event(job("PENDING")));
      await asked;
      response.write(event(job("IN_PROGRESS")));
      response.end(event(job("SUCCEEDED")));
    });
    try {
      const { stderr, code } = await start(["watch", "a"], double.env).ended;
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /PENDING a {2}Waiting for an EC2 runner: 2 of 2 busy, 3 jobs ahead, 8 s\nTo run more jobs at once, raise runners\.ec2\.maxInstances\.\n.*IN_PROGRESS/s,
      );
    } finally {
      double.close();
    }
  });

  it("is printed by show, only for a waiting job", async () => {
    let status = "PENDING";
    const double = await httpDouble((call) => json(call, call.what.includes("/waiting") ? { waiting } : job(status)));
    try {
      assert((await start(["show", "a"], double.env).ended).stdout.includes(`  ${SENTENCE}\n  ${REMEDY}\n`));
      status = "SUCCEEDED";
      assert(!(await start(["show", "a"], double.env).ended).stdout.includes(SENTENCE));
    } finally {
      double.close();
    }
  });
});
