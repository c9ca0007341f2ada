import assert from "node:assert/strict";
import fc from "fast-check";
import { redactAndTruncate, redactName } from "./problemList.ts";
import { redactText, redactUrl, UNREADABLE_URL } from "./redact.ts";

/** Texts in which SECRET must not be shown. */
const SECRETS = [
  "https://h/a?sig=SECRET",
  "https://h/a b?sig=SECRET",
  "https:\\\\h\\p?sig=SECRET",
  "https:/\\h/p?sig=SECRET",
  "https:h/p?sig=SECRET",
  "https://user:SECRET/x@h/",
  "https://user:SECRET@h/p",
  "https://SECRET@h/p",
  "https://user:SECRET SECRET@h/",
  "https://user:SECRET%40h/p",
  "https://user%3ASECRET@h/p",
  "https://user:pa@SECRET@h/p",
  "HTTPS://H/p?Signature=SECRET",
  "ht\ntps://h/p?sig=SECRET",
  "https:/\t/us\ner:SECRET@h/?sig=SECRET",
  "https://h/p?\nsig=SECRET",
  "  https://h/p?sig=SECRET",
  "https://h/p;jsessionid=SECRET",
  "https://h/p#access_token=SECRET",
  "https://h/p&sig=SECRET",
  "https://h/p%3Fsig=SECRET",
  "https://h/p%3fsig%3dSECRET",
  "https://h:99999/p?sig=SECRET",
  "https://[::1/p?sig=SECRET",
  "//user:SECRET@h/p",
  "\\\\h\\p?sig=SECRET",
  "h.example/p?X-Amz-Signature=SECRET",
  "X-Amz-Signature=SECRET",
  "user:SECRET@h.example/p",
  "s3://bucket/key?X-Amz-Signature=SECRET",
  "s3://bucket/key;X-Amz-Signature=SECRET",
  "postgresql://user:SECRET@h/db",
  "blob:https://user:SECRET@h/p?sig=SECRET",
  `https://h/${"p".repeat(3_000)}?sig=SECRET`,
  `https://user:SECRET${"p".repeat(30_000)}@h/`,
  "select 'https://h/p?sig=SECRET'",
  'see https://user:SECRET@h/ and "https://h/?sig=SECRET"',
  "see https://h/p and https://h/p?sig=SECRET",
];

describe("credentials in a caller's text", () => {
  for (const text of SECRETS)
    it(`are not shown: ${JSON.stringify(text.slice(0, 60))}`, () => {
      const redacted = [
        redactUrl(text),
        redactText(text),
        redactAndTruncate(text),
        redactAndTruncate({ url: text, [text]: [text] }),
        redactAndTruncate([[{ a: text }]]),
        redactName(text),
      ];
      for (const result of redacted) assert.doesNotMatch(String(result), /SECRET/);
    });

  it("are removed from a URL, which keeps scheme, host and path", () => {
    assert.equal(redactUrl("HTTPS://H.example:443/a/b.csv?x=1#y"), "https://h.example/a/b.csv");
    assert.equal(redactUrl("https://user:password@h.example:8443/a"), "https://h.example:8443/a");
    assert.equal(redactUrl("https://h/a b?sig=1"), "https://h/a%20b");
    assert.equal(redactUrl("https:\\\\h\\p?sig=1"), "https://h/p");
    assert.equal(redactUrl("s3://bucket/day=2021-01-01/a.csv"), "s3://bucket/day=2021-01-01/a.csv");
  });

  it("are removed together with the whole URL if its host is not certain", () => {
    for (const text of ["https://user:SECRET/x@h/", "https://user:1234/x@h/", "mailto:a@b", "no URL", ""])
      assert.equal(redactUrl(text), UNREADABLE_URL);
  });

  it("are not suspected in other text, which is unchanged", () => {
    for (const text of [
      "nightly",
      "a = 1",
      "10:30",
      "select 1 // 2",
      "ops@example.com",
      "a & b",
      "C:\\data\\a.csv",
      "",
    ])
      assert.equal(redactText(text), text);
    assert.equal(redactText("see https://h/p for more"), "see https://h/p for more");
  });

  it("never make redaction throw, or return text that is ill-formed or too long", () => {
    const piece = fc.constantFrom(
      "https:",
      "//",
      "\\",
      "@",
      ":",
      "?",
      "=",
      "a",
      " ",
      "\t",
      "%40",
      "&",
      "sig",
      "\ud800",
      "\0",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join("");
        assert.ok(String(redactAndTruncate(text)).length <= 100);
        assert.ok(redactUrl(text).length <= 500);
        assert.ok(redactUrl(text).isWellFormed());
        assert.ok(String(redactAndTruncate(text)).isWellFormed());
      }),
    );
  });
});
