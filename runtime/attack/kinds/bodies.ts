import { BODIES } from "../cases.ts";
import { assertCheap, checkEach, type Kind } from "./kind.ts";

/** Bodies that hold much of something, or something where it does not belong. */
export const bodies: Kind = {
  name: "bodies",
  checks: checkEach(
    BODIES,
    (name) => `refuses ${name}, at little cost`,
    async (target, body) => {
      const text = body();
      await assertCheap(target, () => target.http("POST", "/jobs", text, target.attacker));
    },
  ),
  async send(target) {
    for (const body of Object.values(BODIES)) await target.http("POST", "/jobs", body(), target.attacker);
  },
};
