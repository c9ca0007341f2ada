import assert from "node:assert/strict";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { uploadPrefix } from "../contract/uploads.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests } from "./requests.ts";

/**
 * Handles one update per key for a tenant.
 * @returns "accepted" or the error type, by key.
 */
async function outcomesByKey(
  settings: object,
  tenant: string,
  keys: readonly string[],
): Promise<Record<string, string>> {
  const d = await testDispatcher(settings);
  try {
    for (const Key of keys) await d.s3.send(new PutObjectCommand({ Bucket: "uploads", Key, Body: "x" }));
    const task = (key: string) => ({ type: "update", target: "prices", source: { s3: `s3://uploads/${key}` } });
    await handleRequests(
      d.context,
      sqsEvent(...keys.map((key, index) => ({ requestId: `r${index}`, tenant, task: task(key) }))),
    );
    const { rows } = await d.admin.query(
      "select request_id, 'accepted' as outcome from jobs.jobs union all select request_id, error ->> 'type' from jobs.rejected",
    );
    const outcomes = new Map(rows.map((row) => [row.request_id, row.outcome]));
    return Object.fromEntries(keys.map((key, index) => [key, outcomes.get(`r${index}`)]));
  } finally {
    await d.close();
  }
}

describe("an object of the uploads bucket that a message names", () => {
  const own = `${uploadPrefix("acme")}/a.csv`;
  const foreign = `${uploadPrefix("globex")}/a.csv`;
  const several = [
    { senderId: "*", tenants: ["acme"], scopes: ["read", "update"] },
    { senderId: "AIDAGLOBEX", tenants: ["globex"], scopes: ["update"] },
  ];

  it("must not be another tenant's upload, in a stack with one tenant", async () => {
    assert.deepEqual(await outcomesByKey({}, "acme", [own, foreign, "globex/a.csv", "a.csv"]), {
      [own]: "accepted",
      [foreign]: "SourceNotAllowed",
      "globex/a.csv": "accepted",
      "a.csv": "accepted",
    });
  });

  it("must be the tenant's own or shared, in a stack with several tenants", async () => {
    const keys = [own, foreign, "acme/a.csv", "globex/a.csv", "a.csv", "drops/a.csv"];
    assert.deepEqual(await outcomesByKey({ callers: several, jobs: { sharedUploads: ["drops/"] } }, "acme", keys), {
      [own]: "accepted",
      [foreign]: "SourceNotAllowed",
      "acme/a.csv": "accepted",
      "globex/a.csv": "SourceNotAllowed",
      "a.csv": "SourceNotAllowed",
      "drops/a.csv": "accepted",
    });
  });
});

describe("an S3 source on a platform without buckets", () => {
  it("is refused without the advice to upload it", async () => {
    const d = await testDispatcher();
    try {
      const { buckets: _, ...settings } = d.context.settings;
      const task = { type: "update", target: "prices", source: { s3: "s3://uploads/a.csv" } };
      await handleRequests({ ...d.context, settings }, sqsEvent({ requestId: "a", task }));
      const { rows } = await d.admin.query("select error ->> 'message' as message from jobs.rejected");
      assert.deepEqual(rows, [
        {
          message:
            "s3://uploads/a.csv may not be read: s3 sources must be in an uploads bucket, and this platform has none.",
        },
      ]);
    } finally {
      await d.close();
    }
  });
});
