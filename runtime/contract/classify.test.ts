import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { postgresBinaries } from "../local/postgresBinaries.ts";
import { BY_SQLSTATE, classify, OTHER_SQLSTATE } from "./classify.ts";
import { ERRORS } from "./errors.ts";

/** An error as pg throws it. */
const ofServer = (code: string) => Object.assign(new Error("message"), { code, severity: "ERROR" });

/** SQLSTATEs that are the platform's fault or another session's, by class or one by one; all others are the caller's. */
const PLATFORMS = /^(08(?!P01)|25P0[34]|28|3D|40(?!002)|53(?!400)|55P03|57014|57P|58|F0|XX)/;

describe("what a SQLSTATE means for a job", () => {
  it("is decided for each one of Postgres's own list", async () => {
    const { postgres } = await postgresBinaries();
    const list = readFileSync(join(dirname(postgres), "../share/postgresql/errcodes.txt"), "utf8");
    const codes = [...list.matchAll(/^([0-9A-Z]{5})\s+E\s/gm)].map(([, code = ""]) => code);
    assert.ok(codes.length > 200, `${codes.length} SQLSTATEs`);
    for (const code of codes) {
      const { category, retryable } = ERRORS[classify(ofServer(code)).code];
      assert.deepEqual([category === "User", retryable], [!PLATFORMS.test(code), PLATFORMS.test(code)], code);
    }
    // No key of the table is misspelt or out of date.
    for (const key of Object.keys(BY_SQLSTATE))
      assert.ok(
        codes.some((code) => code.startsWith(key)),
        key,
      );
  });

  it("is the caller's where it is unknown", () => {
    for (const code of ["ZZ999", "01000", "99A01"]) assert.equal(classify(ofServer(code)).code, OTHER_SQLSTATE);
  });

  it("is the caller's for lastval() in a new session and for a parameter that nobody binds", () => {
    for (const code of ["55000", "42P02", "08P01"]) assert.equal(classify(ofServer(code)).code, "InvalidSql");
  });

  it("is not looked for in the codes of Node, which can have five letters", () => {
    assert.equal(classify(ofServer("EPIPE")).code, "DatabaseUnavailable");
    assert.equal(classify(ofServer("EBUSY")).code, "Internal");
  });
});
