import assert from "node:assert/strict";
import { Cloud } from "../cloud.ts";
import { declarationOf } from "../declared.ts";
import type { CreateContext } from "../types.ts";
import { awsTypes } from "./types.ts";

describe("the table of simulated AWS types", () => {
  for (const [token, type] of Object.entries(awsTypes)) {
    it(`names only properties of ${token} that the SDK declares`, () => {
      const { inputs, outputs } = declarationOf(token);
      const context: CreateContext & { id: string; arn: string } = {
        account: "111111111111",
        region: "eu-west-1",
        name: "name",
        inputs: {},
        cloud: new Cloud(),
        hex: (digits) => "0".repeat(digits),
        id: "id",
        arn: "arn:aws:x:eu-west-1:111111111111:name:1",
      };
      const replacing = typeof type.replace === "function" ? type.replace({}) : type.replace;
      const nameProperty = type.naming === undefined ? [] : [type.naming.property];
      const inputNames = [...nameProperty, ...(replacing ?? []), ...(type.chosen ?? [])];
      const guarded = (type.guards ?? []).flatMap(({ property, unless }) => [property, ...(unless ? [unless] : [])]);
      const outputNames = Object.keys({ ...type.outputs?.(context), ...(type.arn ? { arn: "" } : {}) });

      assert.deepEqual(unknownOf(inputNames, inputs), [], "inputs");
      assert.deepEqual(unknownOf(Object.keys(type.defaults ?? {}), inputs), [], "defaults");
      assert.deepEqual(unknownOf(guarded, inputs), [], "guards");
      assert.deepEqual(unknownOf([...outputNames, ...(type.changing ?? [])], [...inputs, ...outputs]), [], "outputs");
    });
  }
});

function unknownOf(names: readonly string[], known: readonly string[]): string[] {
  return names.filter((name) => !known.includes(name));
}
