import assert from "node:assert/strict";
import * as fauxqs from "fauxqs";

describe("the package fauxqs", () => {
  it("does not export its stores; once it does, import them from the package in fauxqs.ts", async () => {
    for (const name of ["SqsStore", "SnsStore", "S3Store"]) assert.ok(!(name in fauxqs), name);
    const internalModule: string = "fauxqs/dist/sqs/sqsStore.js";
    await assert.rejects(import(internalModule), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" });
  });
});
