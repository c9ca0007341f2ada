import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { handleRequests } from "../../dispatcher/requests.ts";
import { ROOT } from "../../platform/root.ts";
import { glueCatalog } from "../../runner/glue/catalog.ts";
import { sqsEvent } from "../dispatcher.ts";
import { pythonRecorder } from "../models/calls.ts";
import type { MotoPlatform } from "./platform.ts";

/** Tests of the Glue runner's calls. */
export const glueRunnerCalls = (platform: MotoPlatform): Mocha.Suite =>
  describe("the Glue runner", () => {
    const start = async (run: string, catalog: string) => {
      const program = `${ROOT}runtime/runner/glue/runner.py`;
      const child = spawn(platform.python, [program, "--run", run, "--runner", "glue", "--catalog", catalog], {
        env: {
          ...process.env,
          ...platform.api.database.env,
          ...pythonRecorder(join(platform.recordedCalls, "glue")),
          RATES_SETTINGS: JSON.stringify(platform.api.context.settings),
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
      return { code, output: `${output}${errors}` };
    };

    it("reads its catalog from S3, stores a result of several parts there, and responds through SQS", async () => {
      await platform.api.s3.send(new PutObjectCommand({ Bucket: "results", Key: "catalog.json", Body: glueCatalog() }));
      platform.api.launcher.started.length = 0;
      await platform.api.admin.query("truncate jobs.jobs cascade; update jobs.runs set state = 'ENDED'");
      const sql = "select n, repeat('abcdefghij', 5) as filler from generate_series(1, 130000) n";
      await handleRequests(platform.api.context, sqsEvent({ requestId: "glue", task: { type: "read", sql } }));
      const [run = ""] = platform.api.launcher.started;
      const { code, output } = await start(run, "s3://results/catalog.json");
      assert.equal(code, 0, output);
      // Messages that earlier tests received arrive again after their visibility timeout.
      const responses = (await platform.api.receive(platform.api.context.queues.responses)).map(({ Body }) =>
        JSON.parse(Body ?? ""),
      );
      const { status, result } = responses.find(({ requestId }) => requestId === "glue");
      assert.deepEqual([status, result?.rows], ["SUCCEEDED", 130_000]);
      const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(result.location) ?? [];
      const { ContentLength } = await platform.api.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      assert.equal(ContentLength, result.bytes);
    });

    it("ends with the reason if its catalog does not exist", async () => {
      const { code, output } = await start(randomUUID(), "s3://results/none.json");
      assert.notEqual(code, 0);
      assert.match(output, /404|NoSuchKey/);
    });
  });
