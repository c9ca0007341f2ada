import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { callerOf, listTokens, SCOPES } from "../store/tokens.ts";
import { type TestDatabase, testDatabase } from "../testing/cluster.ts";
import { localToken } from "./token.ts";

describe("the token of this machine", () => {
  let database: TestDatabase;
  let client: pg.Client;
  let directory: string;
  beforeEach(async () => {
    database = await testDatabase();
    client = new pg.Client(database.url);
    await client.connect();
    directory = mkdtempSync(join(tmpdir(), "rates-token-"));
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
    rmSync(directory, { recursive: true });
  });

  it("is created once, stored in a file that only its owner can read, and has all scopes", async () => {
    const token = await localToken(directory, database.url);
    assert.equal(await localToken(directory, database.url), token);
    assert.equal((await listTokens(client)).length, 1);
    assert.equal(statSync(join(directory, "token")).mode & 0o777, 0o600);
    assert.deepEqual((await callerOf(client, token))?.scopes.toSorted(), SCOPES.toSorted());
  });

  it("is replaced when it is no longer valid", async () => {
    const token = await localToken(directory, database.url);
    const [first] = await listTokens(client);
    await client.query("select jobs.revoke_token($1)", [first?.id]);
    assert.notEqual(await localToken(directory, database.url), token);
  });
});
