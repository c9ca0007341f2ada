import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { schedule } from "../dispatcher/schedule.ts";
import { cancel } from "../store/jobs.ts";
import { requirePython } from "../testing/python/python.ts";
import { testPlatform } from "../testing/runner/runner.ts";
import { type S3Fault, startS3Proxy } from "../testing/runner/s3Proxy.ts";

/** A result of two parts. */
const SQL = "select n, repeat('abcdefghij', 5) as filler from generate_series(1, 130000) n";
/** Faults that affect one call. */
const SINGLE_FAULTS: readonly Omit<S3Fault, "times">[] = (
  ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"] as const
).flatMap((operation) => [
  { operation, when: "before", how: "SlowDown" },
  { operation, when: "after", how: "reset" },
]);

for (const language of ["TypeScript", "Python"] as const)
  describe(`the runner in ${language}, while S3 fails`, () => {
    let p: Awaited<ReturnType<typeof testPlatform>>;
    let proxy: Awaited<ReturnType<typeof startS3Proxy>>;
    let python: string | undefined;
    let count = 0;
    before(async function () {
      if (language === "Python") python = requirePython(this, "python");
      p = await testPlatform({ jobs: { leaseSeconds: 30, maxAttempts: 2, inlineBytes: 2_000 } });
      proxy = await startS3Proxy(p.cloud.endpoint);
      // The runners get this environment.
      p.cloud.env.AWS_ENDPOINT_URL_S3 = proxy.endpoint;
    });
    after(async () => {
      await proxy?.stop();
      await p?.close();
    });
    beforeEach(() => {
      proxy.faults.length = 0;
      proxy.seen.length = 0;
      proxy.open.clear();
    });

    /** Lets a run execute waiting jobs. */
    const run = async (): Promise<void> => {
      const [process] = p.startRuns("glue", undefined, python);
      assert(process, "a run was planned");
      assert.equal(await process.exit, 0, process.output());
      await p.admin.query("update jobs.runs set state = 'ENDED'");
    };
    const submit = async (): Promise<string> => {
      const requestId = `${language}-${++count}`;
      await p.request({ requestId, task: { type: "read", sql: SQL, format: "csv" } });
      return requestId;
    };
    /** Runs the job's second attempt, without its back-off. */
    const runAgain = async (): Promise<void> => {
      await p.admin.query("update jobs.jobs set not_before = jobs.clock() where status = 'PENDING'");
      await schedule(p.context);
      await run();
    };
    const responseOf = async (requestId: string) => {
      const messages = await p.receive(p.context.queues.responses);
      const all = messages
        .map(({ Body }) => JSON.parse(Body ?? ""))
        .filter((response) => response.requestId === requestId);
      assert.equal(all.length, 1);
      return all[0];
    };
    const assertComplete = async ({ result }: { result: { location: string; sha256: string; bytes: number } }) => {
      const [bucket, ...key] = result.location.slice("s3://".length).split("/");
      const { Body } = await p.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key.join("/") }));
      const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      assert.deepEqual([bytes.length, sha256], [result.bytes, result.sha256]);
    };
    const objects = async (responseId: string) =>
      (await p.s3.send(new ListObjectsV2Command({ Bucket: "results", Prefix: responseId }))).Contents ?? [];

    for (const fault of SINGLE_FAULTS)
      it(`delivers the whole result although one ${fault.operation} fails ${fault.when} it takes effect`, async () => {
        proxy.faults.push({ ...fault, times: 1 });
        const id = await submit();
        await run();
        const response = await responseOf(id);
        assert.deepEqual([response.status, response.stats.attempts], ["SUCCEEDED", 1], JSON.stringify(response));
        await assertComplete(response);
        assert.equal((await objects(response.responseId)).length, 1);
        // The lifecycle rule removes an upload with an unknown id.
        const unknown = fault.operation === "CreateMultipartUpload" && fault.when === "after" ? 1 : 0;
        assert.equal(proxy.open.size, unknown);
      });

    for (const operation of ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"] as const)
      it(`leaves no parts when every ${operation} fails, and retries the job`, async () => {
        proxy.faults.push({ operation, when: "before", how: "SlowDown", times: Number.POSITIVE_INFINITY });
        const id = await submit();
        await run();
        const { status, attempts } = await p.document(id);
        assert.deepEqual([status, attempts[0].outcome], ["PENDING", "StorageUnavailable"]);
        assert.equal(proxy.seen.includes("AbortMultipartUpload"), operation !== "CreateMultipartUpload");
        assert.equal(proxy.open.size, 0);
        proxy.faults.length = 0;
        await runAgain();
        const response = await responseOf(id);
        assert.deepEqual([response.status, response.stats.attempts], ["SUCCEEDED", 2], JSON.stringify(response));
        await assertComplete(response);
        assert.equal((await objects(response.responseId)).length, 1);
      });

    it("fails with S3's reason when its attempts are used up, even if the upload cannot be aborted", async () => {
      for (const operation of ["UploadPart", "AbortMultipartUpload"] as const)
        proxy.faults.push({ operation, when: "before", how: "SlowDown", times: Number.POSITIVE_INFINITY });
      const id = await submit();
      await run();
      await runAgain();
      const response = await responseOf(id);
      assert.deepEqual(
        [response.status, response.error.type, response.error.retryable, response.stats.attempts],
        ["FAILED", "StorageUnavailable", true, 2],
      );
      assert.match(response.error.message, /SlowDown/);
    });
  });

describe("an update whose source stalls", () => {
  it("is cancelled by ending its session during COPY FROM STDIN, which ignores a cancel request, and changes nothing", async () => {
    const p = await testPlatform({ jobs: { leaseSeconds: 30 } });
    const proxy = await startS3Proxy(p.cloud.endpoint);
    p.cloud.env.AWS_ENDPOINT_URL_S3 = proxy.endpoint;
    try {
      const Body = `orig_code,dest_code,day,price\n${"AAAAA,BBBBB,2021-01-01,7\n".repeat(20_000)}`;
      await p.s3.send(new PutObjectCommand({ Bucket: "uploads", Key: "slow.csv", Body }));
      proxy.faults.push({ operation: "GetObject", when: "after", how: "stall", times: 1 });
      await p.request({
        requestId: "slow",
        task: { type: "update", target: "prices", source: { s3: "s3://uploads/slow.csv" } },
      });
      const [run] = p.startRuns("ec2");
      assert(run);
      const sessions = "select pid from pg_stat_activity where datname = current_database() and usename = 'job_writer'";
      const waits = `${sessions} and state = 'active' and query ilike 'copy %from stdin%' and wait_event = 'ClientRead'`;
      await p.until("the copy waits", async () => (await p.admin.query(waits)).rows.length === 1);
      assert.equal(await cancel(await p.as("api_reader"), "default", "slow"), "IN_PROGRESS");
      await p.until("it is cancelled", async () => (await p.document("slow")).status === "CANCELLED");
      assert.deepEqual((await p.admin.query(waits)).rows, []);
      assert.equal(await run.exit, 0, run.output());
      assert.equal((await p.admin.query("select count(*)::int as n from prices")).rows[0].n, 0);
    } finally {
      await proxy.stop();
      await p.close();
    }
  });
});
