import { BODIES } from "../cases.ts";
import { type AttackKind, assertCheapRefusal, checkEach } from "./kind.ts";

/** Request bodies with too many, too large or misplaced values. */
export const bodies: AttackKind = {
  name: "bodies",
  checks: checkEach(
    BODIES,
    (name) => `refuses ${name}, at little cost`,
    async (target, body) => {
      const text = body();
      await assertCheapRefusal(target, () => target.http("POST", "/jobs", text, target.attacker));
    },
  ),
  async send(target) {
    for (const body of Object.values(BODIES)) await target.http("POST", "/jobs", body(), target.attacker);
  },
};
