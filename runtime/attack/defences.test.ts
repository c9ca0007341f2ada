import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { skip } from "../testing/cluster.ts";
import { DEFENCES } from "./defences.ts";
import { ATTACK_KINDS } from "./kinds/index.ts";
import { environmentWith } from "./sourceChange.ts";
import { Target } from "./target.ts";

/** Verifies that the attack suite detects a missing defence: each test starts a platform without one and expects a failure. */
describe("the attack suite", function () {
  this.timeout(240_000);
  before(function () {
    if (!existsSync("/proc/self/task")) skip(this, "this system has no /proc to measure processes in");
  });

  it("has a defence to switch off for every kind of input", () => {
    const coveredKinds = new Set(Object.values(DEFENCES).map(({ kind }) => kind.name));
    assert.deepEqual(
      ATTACK_KINDS.filter(({ name }) => !coveredKinds.has(name)).map(({ name }) => name),
      [],
    );
  });

  for (const [defence, { changes = [] }] of Object.entries(DEFENCES))
    it(`finds the code of the defence: ${defence}`, () => {
      environmentWith(changes);
    });

  for (const [defence, { kind, changes, statements, check, failure }] of Object.entries(DEFENCES))
    it(`fails in ${kind.name} unless ${defence}`, async () => {
      const target = await Target.start(changes);
      try {
        if (statements !== undefined) await target.admin.query(statements);
        await assert.rejects(check(target), failure);
      } finally {
        await target.stop();
      }
    });
});
