import assert from "node:assert/strict";
import { compliantProgram } from "../program/compliant.ts";
import { change, remove, setParameter } from "./mutant.ts";

describe("a mutant", () => {
  const apply = (mutate: ReturnType<typeof change>) => () => mutate(compliantProgram());

  it("fails if the program has nothing to change", () => {
    assert.throws(apply(setParameter("none", "0")), /no none/);
    assert.throws(apply(change("none", "-a", () => undefined)), /No none whose name ends in '-a'/);
    assert.throws(apply(remove("none", "-a")), /No none whose name ends in '-a'/);
  });
});
