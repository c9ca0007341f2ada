import assert from "node:assert/strict";
import { DISGUISED } from "../../testing/runner/addresses.ts";
import { URLS } from "../cases.ts";
import { PRIVATE_HOSTS } from "../configuration.ts";
import type { Target } from "../target.ts";
import type { Kind } from "./kind.ts";

const update = (source: unknown) => ({ type: "update", target: "prices", source });

/** Submits a source by URL, and answers the error of its job. */
async function errorOf(target: Target, host: string, index: number): Promise<unknown> {
  const task = update({ url: `https://${host}/latest/meta-data?sig=SECRET` });
  const document = await target.run(`source-${index}-${Date.now()}`, task, target.attacker);
  assert.ok(!JSON.stringify(document).includes("SECRET"), `${host}: the document has a signature`);
  return (document.error as { type?: unknown } | undefined)?.type;
}

/** Sources of updates that must not be read, and secrets in them that must not be shown. */
export const sources: Kind = {
  name: "sources",
  checks: {
    "shows no secret of a source, and refuses each that it may not read": async (target) => {
      for (const url of [...URLS, ...DISGUISED.map((address) => `${address}?SECRET`)])
        for (const source of [{ url }, { s3: url }, { url, [url]: 1 }, url]) {
          const { status, text } = await target.http("POST", "/jobs", { task: update(source) }, target.attacker);
          assert.ok(!text.includes("SECRET"), text);
          // A host that is allowed here only: its job must fail.
          const { error } = status === 202 ? await target.waitForEnd(JSON.parse(text).requestId, target.attacker) : {};
          const type = (error as { type?: string } | undefined)?.type;
          assert.ok(status === 400 || type === "SourceNotAllowed", `${url}: ${status} ${type} ${text}`);
        }
    },
    "shows no secret of an accepted source by any door": async (target) => {
      const [host = ""] = PRIVATE_HOSTS;
      const requestId = `shown-${Date.now()}`;
      const url = `https://${host}/a;SECRET=1?sig=SECRET#SECRET`;
      await target.run(requestId, update({ url }), target.attacker);
      for (const end of ["", "/response", "/events", "/timeline"]) {
        const { text } = await target.http("GET", `/jobs/${requestId}${end}`, undefined, target.attacker);
        assert.ok(!text.includes("SECRET"), `${end}: ${text}`);
      }
      const { text } = await target.http("GET", `/jobs?text=${requestId}`, undefined, target.attacker);
      assert.ok(!text.includes("SECRET"), text);
      const { rows } = await target.admin.query(
        "select body::text as text from jobs.responses union all select document::text from tracking.documents",
      );
      for (const row of rows) assert.ok(!row.text.includes("SECRET"), row.text);
    },
    "connects to no address that is not public, though its host is allowed": async (target) => {
      const types = await Promise.all(PRIVATE_HOSTS.map((host, index) => errorOf(target, host, index)));
      assert.deepEqual(
        PRIVATE_HOSTS.filter((_, index) => types[index] !== "SourceNotAllowed"),
        [],
      );
    },
  },
  async send(target) {
    for (const url of URLS) await target.http("POST", "/jobs", { task: update({ url }) }, target.attacker);
  },
};
