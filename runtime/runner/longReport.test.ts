import assert from "node:assert/strict";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { isTerminal } from "../contract/states.ts";
import { testPlatform } from "../testing/runner/runner.ts";

describe("a batch with fewer bad rows than a response lists, but with longer values", () => {
  it("has a report with all of them", async () => {
    const rows = 100;
    const p = await testPlatform({
      runners: { glue: { slots: 0 }, ec2: { slots: 1 } },
      jobs: { leaseSeconds: 30, reportRows: rows },
    });
    try {
      const inline = Array.from({ length: rows }, () => ({
        orig_code: "鹿".repeat(100),
        dest_code: "BBBBB",
        day: "2021-01-01",
        price: 1,
      }));
      await p.request({ requestId: "long", task: { type: "update", target: "prices", source: { inline } } });
      p.startRuns("ec2");
      await p.until("the job ends", async () => isTerminal((await p.document("long")).status));
      const { error } = await p.document("long");
      const { more, report } = error.details.at(-1);
      assert.deepEqual([error.details.length - 1 + more, report.rows], [rows, rows]);
      const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(report.location) ?? [];
      const content = await (await p.s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
      assert.equal(content?.trim().split("\n").length, rows + 1);
    } finally {
      await p.close();
    }
  });
});
