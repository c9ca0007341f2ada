import assert from "node:assert/strict";
import { Buckets } from "./buckets.ts";
import { mocked } from "./testing/mocks.ts";

const create = async (keepData: boolean) =>
  (
    await mocked(
      () =>
        new Buckets("b", {
          retentionDays: 7,
          keepData,
          callers: [{ principal: "arn:aws:iam::999999999999:root", tenants: ["acme"] }],
        }),
    )
  ).registry;

describe("the buckets of a stack", () => {
  it("are private, encrypted, owned by the account, and expire their objects", async () => {
    const registry = await create(true);
    for (const name of ["b-results", "b-uploads"]) {
      const inputsOf = (type: string) =>
        registry.resource(`aws:s3/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`, name).inputs;
      const { bucket: _, ...block } = inputsOf("BucketPublicAccessBlock");
      assert.deepEqual(Object.values(block), [true, true, true, true]);
      assert.equal(inputsOf("BucketOwnershipControls").rule.objectOwnership, "BucketOwnerEnforced");
      const [rule] = inputsOf("BucketServerSideEncryptionConfiguration").rules;
      assert.equal(rule.applyServerSideEncryptionByDefault.sseAlgorithm, "AES256");
      const [lifecycle] = inputsOf("BucketLifecycleConfiguration").rules;
      assert.equal(lifecycle.expiration.days, 7);
      assert.equal(lifecycle.abortIncompleteMultipartUpload.daysAfterInitiation, 1);
    }
  });

  it("refuse requests without TLS, and let callers only upload sources", async () => {
    const registry = await create(true);
    const statements = (name: string) =>
      JSON.parse(registry.resource("aws:s3/bucketPolicy:BucketPolicy", name).inputs.policy).Statement;
    assert.equal(statements("b-results").length, 1);
    const [tls, callers] = statements("b-uploads");
    assert.deepEqual([tls.Effect, tls.Condition], ["Deny", { Bool: { "aws:SecureTransport": "false" } }]);
    assert.deepEqual(callers.Action, ["s3:PutObject", "s3:AbortMultipartUpload"]);
    assert.deepEqual(callers.Principal.AWS, ["arn:aws:iam::999999999999:root"]);
  });

  it("keep versions of sources, so that a job loads the version that existed when it was accepted", async () => {
    const registry = await create(true);
    assert.deepEqual(
      registry.ofType("aws:s3/bucketVersioning:BucketVersioning").map(({ name }) => name),
      ["b-uploads"],
    );
  });

  it("are emptied by destroy only when the stack does not keep data", async () => {
    const destroyOptions = async (keep: boolean) =>
      (await create(keep))
        .ofType("aws:s3/bucket:Bucket")
        .map(({ inputs, retained }) => [inputs.forceDestroy, retained]);
    assert.deepEqual(await destroyOptions(false), [
      [true, false],
      [true, false],
    ]);
    assert.deepEqual(await destroyOptions(true), [
      [false, true],
      [false, true],
    ]);
    // A retained bucket stays private.
    for (const type of ["BucketPublicAccessBlock", "BucketPolicy", "BucketOwnershipControls"])
      for (const { name, retained } of (await create(true)).ofType(`aws:s3/b${type.slice(1)}:${type}`))
        assert.equal(retained, true, `${type} ${name}`);
  });
});
