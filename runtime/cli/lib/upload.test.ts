import assert from "node:assert/strict";
import type { Client } from "./apiClient.ts";
import type { LoadFile } from "./loadFile.ts";
import { upload } from "./upload.ts";

describe("the upload of a file", () => {
  it("fails if the file ends early, although its size and time are as before", async () => {
    let reads = 0;
    const handle = {
      read: async () => {
        reads += 1;
        assert(reads <= 5, "it is still read");
        return { bytesRead: 0 };
      },
    };
    const file = { name: "prices.csv", bytes: 10, sha256: "0", handle, assertUnchanged: async () => undefined };
    const requests: string[] = [];
    const client = {
      json: async () => ({ id: "up", location: "s3://uploads/x", partBytes: 10, partCount: 1, parts: [] }),
      fetch: async (method: string, path: string) => requests.push(`${method} ${path}`),
    };
    await assert.rejects(
      upload(client as unknown as Client, file as unknown as LoadFile),
      /prices\.csv changed while it was read/,
    );
    assert.deepEqual(requests, ["DELETE /uploads/up"]);
  });
});
