import assert from "node:assert/strict";
import { attemptLines, attemptLogs } from "./attempts.ts";
import type { JobDocument } from "./events.ts";

const startedAt = "2026-01-01T00:00:00.000Z";
const ATTEMPTS: JobDocument["attempts"] = [
  {
    runner: "ec2",
    runId: "r1",
    startedAt,
    endedAt: startedAt,
    outcome: "RunnerLost",
    logLocation: "/dev/ec2/i-0a1b2c",
  },
  { runner: "ec2", runId: "r2", startedAt },
];
const CLOUD = { isLocal: false, region: async () => "eu-west-1" };

describe("the log of an attempt", () => {
  it("is shown with its command and link for a deployed stack", async () => {
    const lines = await attemptLines(ATTEMPTS, CLOUD);
    assert.deepEqual(lines.slice(0, 2), [
      "  attempt 1: ec2 run r1: RunnerLost",
      "    aws logs tail /dev/ec2 --log-stream-names i-0a1b2c --since 2026-01-01T00:00:00.000Z --region eu-west-1",
    ]);
    assert.match(lines[2] ?? "", /^ {4}https:\/\/eu-west-1\.console\.aws\.amazon\.com\/cloudwatch\/.*i-0a1b2c$/);
    assert.equal(lines[3], "  attempt 2: ec2 run r2: running");
  });

  it("is a group and a stream in JSON, and null before the run has recorded it", async () => {
    const [first, second] = (await attemptLogs(ATTEMPTS, CLOUD)) as Record<string, string>[];
    assert.deepEqual([first?.group, first?.stream, second], ["/dev/ec2", "i-0a1b2c", null]);
  });

  it("is a file for the platform on this machine, without a region lookup", async () => {
    const local = { isLocal: true, region: () => assert.fail("the region was looked up") };
    const [attempt] = ATTEMPTS.map((original) => ({ ...original, logLocation: "/data/logs/runner-r1.log" }));
    assert(attempt);
    assert.deepEqual(await attemptLines([attempt], local), [
      "  attempt 1: ec2 run r1: RunnerLost, log /data/logs/runner-r1.log",
    ]);
    assert.deepEqual(await attemptLogs([attempt], local), [{ file: "/data/logs/runner-r1.log" }]);
  });
});
