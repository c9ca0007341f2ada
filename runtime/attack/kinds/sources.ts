import assert from "node:assert/strict";
import { DISGUISED } from "../../testing/runner/addresses.ts";
import { URLS } from "../cases.ts";
import { PRIVATE_HOSTS } from "../configuration.ts";
import type { Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

const update = (source: unknown) => ({ type: "update", target: "prices", source });

/** Submits an update whose source URL has the given host, and returns the error type of its job. */
async function errorTypeOf(target: Target, host: string, index: number): Promise<unknown> {
  const task = update({ url: `https://${host}/latest/meta-data?sig=SECRET` });
  const document = await target.run(`source-${index}-${Date.now()}`, task, target.attacker);
  assert.ok(!JSON.stringify(document).includes("SECRET"), `${host}: the document has a signature`);
  return (document.error as { type?: unknown } | undefined)?.type;
}

/** Sources of updates that must not be read, and secrets in them that must not be shown. */
export const sources: AttackKind = {
  name: "sources",
  checks: {
    "refuses forbidden sources without showing their secrets": async (target) => {
      for (const url of [...URLS, ...DISGUISED.map((address) => `${address}?SECRET`)])
        for (const source of [{ url }, { s3: url }, { url, [url]: 1 }, url]) {
          const { status, text } = await target.http("POST", "/jobs", { task: update(source) }, target.attacker);
          assert.ok(!text.includes("SECRET"), text);
          // If the suite's configuration allows the host, the request is accepted, and the job must fail.
          const { error } = status === 202 ? await target.waitForEnd(JSON.parse(text).requestId, target.attacker) : {};
          const type = (error as { type?: string } | undefined)?.type;
          assert.ok(status === 400 || type === "SourceNotAllowed", `${url}: ${status} ${type} ${text}`);
        }
    },
    "shows no secret of an accepted source in any response or stored document": async (target) => {
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
    "connects only to public addresses, even for allowed hosts": async (target) => {
      const types = await Promise.all(PRIVATE_HOSTS.map((host, index) => errorTypeOf(target, host, index)));
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
