import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type pg from "pg";
import { migratedDatabase, type Scratch } from "../../db/testing/database.ts";
import { postgresBinaries } from "../local/postgresBinaries.ts";
import { type PythonReader, pythonReader } from "../testing/runner/pythonReader.ts";
import { BY_SQLSTATE, classify, isOutage, OTHER_SQLSTATE, VALUE_TOO_LARGE } from "./classify.ts";
import { ERRORS } from "./errors.ts";

/** Creates an error as pg throws it. */
const serverError = (code: string, message = "message") =>
  Object.assign(new Error(message), { code, severity: "ERROR" });

/** SQLSTATEs that the platform or another session causes, by class or code; the caller causes all others. */
const PLATFORM_STATES = /^(08(?!P01)|25P0[34]|28|3D|40(?!002)|53(?!400)|55P03|57014|57P|58|72|F0|XX)/;

/** Reads Postgres's own list of error SQLSTATEs with their condition names. */
async function errorCodes(): Promise<{ state: string; condition: string }[]> {
  const { postgres } = await postgresBinaries();
  const list = readFileSync(join(dirname(postgres), "../share/postgresql/errcodes.txt"), "utf8");
  return [...list.matchAll(/^([0-9A-Z]{5})[ \t]+E[ \t]+\S+(?:[ \t]+(\S+))?/gm)].map(
    ([, state = "", condition = ""]) => ({
      state,
      condition,
    }),
  );
}

describe("the classification of SQLSTATEs", () => {
  it("covers each SQLSTATE of Postgres's own list", async () => {
    // Postgres 15 and 16 also have 72000.
    const codes = [...(await errorCodes()).map(({ state }) => state), "72000"];
    assert.ok(codes.length > 200, `${codes.length} SQLSTATEs`);
    for (const code of codes) {
      const { category, retryable } = ERRORS[classify(serverError(code)).code];
      assert.deepEqual(
        [category === "User", retryable],
        [!PLATFORM_STATES.test(code), PLATFORM_STATES.test(code)],
        code,
      );
    }
    // Each key of the table exists.
    for (const key of Object.keys(BY_SQLSTATE))
      assert.ok(
        codes.some((code) => code.startsWith(key)),
        key,
      );
  });

  it("attributes unknown SQLSTATEs to the caller", () => {
    for (const code of ["ZZ999", "01000", "99A01"]) assert.equal(classify(serverError(code)).code, OTHER_SQLSTATE);
  });

  it("attributes lastval() in a new session and an unbound parameter to the caller", () => {
    for (const code of ["55000", "42P02", "08P01"]) assert.equal(classify(serverError(code)).code, "InvalidSql");
  });

  it("attributes a value of more than 1 GB to the caller, although its SQLSTATE means an internal error", () => {
    assert.equal(classify(serverError("XX000", `${VALUE_TOO_LARGE} 1200000004`)).code, "InvalidSql");
    assert.equal(classify(serverError("XX000", "cache lookup failed for type 1")).code, "Internal");
  });

  it("attributes a refused write to the server in an update, and to the caller in a read", () => {
    assert.equal(classify(serverError("25006"), "update").code, "DatabaseUnavailable");
    assert.equal(classify(serverError("25006"), "read").code, "NotReadOnly");
  });

  it("distinguishes interrupted sessions from an unavailable server", () => {
    const codes = (...states: string[]) => states.map((state) => classify(serverError(state)).code);
    assert.deepEqual(new Set(codes("57014", "57P01", "57P05", "25P03", "25P04")), new Set(["Interrupted"]));
    assert.deepEqual(new Set(codes("57P02", "57P03", "57P04", "08006", "3D000")), new Set(["DatabaseUnavailable"]));
  });

  describe("of errors that a running server raises", () => {
    let database: Scratch;
    let client: pg.Client;
    let python: PythonReader | undefined;
    before(async function () {
      database = await migratedDatabase();
      client = await database.connect("job_reader");
      python = pythonReader(this, database.url);
    });
    after(async () => {
      python?.close();
      await database?.drop();
    });

    it("is the same in both runners, for every condition of the list", async function () {
      this.timeout(60_000);
      const { rows } = await client.query("select current_setting('server_version_num')::integer / 10000 as major");
      let raised = 0;
      const codes = (await errorCodes()).filter(({ condition }) => condition !== "");
      for (const { state, condition } of codes) {
        const statement = `do $$ begin raise exception using errcode = '${condition}'; end $$`;
        const error = await client.query(statement).then(
          () => assert.fail(`${condition} was not raised`),
          (thrown) => thrown,
        );
        // A server that is older than the list does not have all conditions of the list.
        if (error.code === "42704" && state !== "42704" && rows[0].major < 18) continue;
        // Some condition names occur in several classes.
        assert.ok(
          codes.some((entry) => entry.condition === condition && entry.state === error.code),
          `${condition}: ${error.code}`,
        );
        const { code } = classify(error);
        const { category, retryable } = ERRORS[code];
        assert.deepEqual(await python?.ask({ error: statement }), [code, category, retryable], state);
        raised++;
      }
      assert.ok(raised > 200, `${raised} conditions`);
    });

    it("attributes a value beyond 1 GB to the caller in both runners", async function () {
      this.timeout(60_000);
      // Postgres allocates four bytes for each byte of the text.
      const statement = "select translate(repeat('x', 270000000), 'a', 'b')";
      const error = await client.query(statement).then(
        () => assert.fail("no error was raised"),
        (thrown) => thrown,
      );
      assert.equal(classify(error).code, "InvalidSql", `${error.code} ${error.message}`);
      assert.deepEqual(await python?.ask({ error: statement }), ["InvalidSql", "User", false]);
    });
  });
});

describe("the classification of other errors", () => {
  const coded = (code: string, message = "message") => Object.assign(new Error(message), { code });

  it("reports an unavailable database for network and TLS errors", () => {
    for (const code of [
      "ECONNREFUSED",
      "ECONNRESET",
      "EHOSTUNREACH",
      "ENETUNREACH",
      "ECONNABORTED",
      "ENOTFOUND",
      "CERT_HAS_EXPIRED",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR",
    ]) {
      assert.equal(classify(coded(code)).code, "DatabaseUnavailable", code);
      assert.ok(isOutage(coded(code)), code);
    }
  });

  it("does not mistake Node's error codes for SQLSTATEs, although some also have five characters", () => {
    assert.equal(classify(coded("EPIPE")).code, "DatabaseUnavailable");
    assert.equal(classify(coded("EBUSY")).code, "Internal");
    assert.ok(!isOutage(coded("EBUSY")));
  });

  it("counts an unavailable database and interrupted calls as outages", () => {
    for (const code of ["08006", "25006", "53100", "57014", "57P01", "58030"]) assert.ok(isOutage(coded(code)), code);
    for (const code of ["22012", "40001", "XX000"]) assert.ok(!isOutage(coded(code)), code);
  });

  it("names every address of a host that could not be reached", () => {
    const errors = ["connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED 127.0.0.1:5432"].map(
      (message) => new Error(message),
    );
    const error = classify(Object.assign(new AggregateError(errors), { code: "ECONNREFUSED" }));
    assert.equal(error.code, "DatabaseUnavailable");
    for (const { message } of errors) assert.ok(error.message.includes(message), error.message);
  });

  it("reports unavailable storage if the AWS SDK has no credentials", () => {
    const error = Object.assign(new Error("Could not load credentials"), { name: "CredentialsProviderError" });
    assert.equal(classify(error).code, "StorageUnavailable");
  });
});
