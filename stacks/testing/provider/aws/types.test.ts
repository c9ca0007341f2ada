import assert from "node:assert/strict";
import { Cloud } from "../cloud.ts";
import { declared } from "../declared.ts";
import type { CreateContext } from "../types.ts";
import { awsTypes } from "./types.ts";

describe("the table of AWS's types", () => {
  for (const [token, type] of Object.entries(awsTypes)) {
    it(`knows only properties of ${token} that the SDK declares`, () => {
      const { inputs, outputs } = declared(token);
      const made: CreateContext & { id: string; arn: string } = {
        account: "111111111111",
        region: "eu-west-1",
        name: "name",
        inputs: {},
        cloud: new Cloud(),
        hex: (digits) => "0".repeat(digits),
        id: "id",
        arn: "arn:aws:x:eu-west-1:111111111111:name:1",
      };
      const replaced = typeof type.replace === "function" ? type.replace({}) : type.replace;
      const named = type.naming === undefined ? [] : [type.naming.property];
      const given = [...named, ...(replaced ?? []), ...(type.chosen ?? [])];
      const refused = (type.guards ?? []).flatMap(({ property, unless }) => [property, ...(unless ? [unless] : [])]);
      const answered = Object.keys({ ...type.outputs?.(made), ...(type.arn ? { arn: "" } : {}) });

      assert.deepEqual(unknownOf(given, inputs), [], "inputs");
      assert.deepEqual(unknownOf(Object.keys(type.defaults ?? {}), inputs), [], "defaults");
      assert.deepEqual(unknownOf(refused, inputs), [], "guards");
      assert.deepEqual(unknownOf([...answered, ...(type.changing ?? [])], [...inputs, ...outputs]), [], "outputs");
    });
  }
});

function unknownOf(names: readonly string[], known: readonly string[]): string[] {
  return names.filter((name) => !known.includes(name));
}
