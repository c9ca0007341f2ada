import assert from "node:assert/strict";
import { Command } from "commander";
import { choice, wholeNumber } from "./context.ts";

describe("an option with fixed choices", () => {
  const parse = (value: string) => {
    const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
    command.addOption(choice("--status <status>", "status", ["IN_PROGRESS", "FAILED", "Cancelled"]));
    return command.parse(["node", "rates", "--status", value]).opts().status;
  };

  it("accepts a choice in any case", () => {
    assert.deepEqual(["failed", "FAILED", "cancelled"].map(parse), ["FAILED", "FAILED", "Cancelled"]);
  });

  it("suggests the nearest choice, whatever the case", () => {
    for (const [value, nearest] of [
      ["FALED", "failed"],
      ["faled", "failed"],
      ["CANCELED", "cancelled"],
      ["in-progress", "in_progress"],
    ] as const)
      assert.throws(() => parse(value), { message: new RegExp(`Did you mean '${nearest}'\\?`) }, value);
    assert.throws(
      () => parse("nothing"),
      (error: Error) => !/Did you mean/.test(error.message),
    );
  });
});

describe("an option with a whole number", () => {
  it("accepts up to 15 digits, and says so otherwise", () => {
    assert.equal(wholeNumber("999999999999999"), 999_999_999_999_999);
    for (const value of ["1000000000000000", "-1", "1.5", "x", ""])
      assert.throws(() => wholeNumber(value), { message: "It must be a whole number of at most 15 digits." }, value);
  });
});
