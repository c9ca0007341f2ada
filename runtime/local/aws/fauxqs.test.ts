import assert from "node:assert/strict";
import * as fauxqs from "fauxqs";

describe("the package fauxqs", () => {
  it("does not export its stores: otherwise import them from it in fauxqs.ts", async () => {
    for (const name of ["SqsStore", "SnsStore", "S3Store"]) assert.ok(!(name in fauxqs), name);
    const inside: string = "fauxqs/dist/sqs/sqsStore.js";
    await assert.rejects(import(inside), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" });
  });
});
