import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { skip } from "../testing/cluster.ts";
import { DEFENCES } from "./defences.ts";
import { KINDS } from "./kinds/index.ts";
import { environmentWith } from "./sourceChange.ts";
import { Target } from "./target.ts";

/** The attack suite fails when a defence is missing: each is switched off alone, on a platform of its own. */
describe("the attack suite without a defence", function () {
  this.timeout(240_000);
  before(function () {
    if (!existsSync("/proc/self/task")) skip(this, "this system has no /proc to measure processes in");
  });

  it("is tried for every kind of input", () => {
    const tried = new Set(Object.values(DEFENCES).map(({ kind }) => kind.name));
    assert.deepEqual(
      KINDS.filter(({ name }) => !tried.has(name)).map(({ name }) => name),
      [],
    );
  });

  for (const [defence, { changes = [] }] of Object.entries(DEFENCES))
    it(`finds the code of: ${defence}`, () => {
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
