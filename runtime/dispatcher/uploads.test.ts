import assert from "node:assert/strict";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { uploadPrefix } from "../contract/uploads.ts";
import { sqsEvent, testDispatcher } from "../testing/dispatcher.ts";
import { handleRequests } from "./requests.ts";

/**
 * Sends an update per key for a tenant.
 * @returns The outcome by key.
 */
async function load(settings: object, tenant: string, keys: readonly string[]): Promise<Record<string, string>> {
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

  it("must not be another tenant's upload, in a stack of one tenant", async () => {
    assert.deepEqual(await load({}, "acme", [own, foreign, "globex/a.csv", "a.csv"]), {
      [own]: "accepted",
      [foreign]: "SourceNotAllowed",
      "globex/a.csv": "accepted",
      "a.csv": "accepted",
    });
  });

  it("must be the tenant's own or shared, in a stack of several", async () => {
    const keys = [own, foreign, "acme/a.csv", "globex/a.csv", "a.csv", "drops/a.csv"];
    assert.deepEqual(await load({ callers: several, jobs: { sharedUploads: ["drops/"] } }, "acme", keys), {
      [own]: "accepted",
      [foreign]: "SourceNotAllowed",
      "acme/a.csv": "accepted",
      "globex/a.csv": "SourceNotAllowed",
      "a.csv": "SourceNotAllowed",
      "drops/a.csv": "accepted",
    });
  });
});
