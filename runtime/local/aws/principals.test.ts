import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Principals } from "./principals.ts";

describe("the credentials of the emulator", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "rates-principals-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("keep the comments and other sections of a user's file", () => {
    const file = join(dir, "credentials");
    const own = "# mine\n[work]\naws_access_key_id = AKIA\naws_secret_access_key = s\n\n[half]\nsender_id = x\n";
    writeFileSync(file, own);
    const principals = new Principals(file);
    const orders = principals.add("orders", "AROAEXAMPLE:orders");
    const text = readFileSync(file, "utf8");
    assert.ok(text.startsWith(own), text);
    for (const profile of ["work", "half", "default", "orders"])
      assert.equal(text.split(`[${profile}]\n`).length, 2, profile);
    assert.deepEqual(new Principals(file).find(orders.accessKeyId), orders);
  });

  it("replace a profile's credentials when it is added again", () => {
    const file = join(dir, "credentials");
    const principals = new Principals(file);
    const first = principals.add("orders", "AROAEXAMPLE:orders");
    const second = principals.add("orders", "AROAEXAMPLE:orders");
    assert.equal(readFileSync(file, "utf8").split("[orders]").length, 2);
    const reloaded = new Principals(file);
    assert.equal(reloaded.find(first.accessKeyId), undefined);
    assert.deepEqual(reloaded.find(second.accessKeyId), second);
  });

  it("are accepted if another process added them just before this one added a profile", () => {
    const file = join(dir, "credentials");
    const principals = new Principals(file);
    const orders = new Principals(file).add("orders", "AROAEXAMPLE:orders");
    const prices = principals.add("prices", "AROAEXAMPLE:prices");
    assert.deepEqual(principals.find(orders.accessKeyId), orders);
    assert.deepEqual(principals.find(prices.accessKeyId), prices);
  });
});
