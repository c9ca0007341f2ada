import assert from "node:assert/strict";
import { BODIES, BODIES_NAMING_A_JOB, POISON } from "../cases.ts";
import { AVERAGE_RATES, type Target } from "../target.ts";
import { type AttackKind, MAIN_THREAD_MS } from "./kind.ts";

/** Sends a request, waits for its response, and returns all responses received until then. */
async function responsesThrough(target: Target, requestId: string): Promise<{ requestId: string; status: string }[]> {
  await target.queue(JSON.stringify({ requestId, task: AVERAGE_RATES }));
  const responses: { requestId: string; status: string }[] = [];
  await target.until(`the response to ${requestId}`, async () => {
    for (const body of await target.receive(target.file.responseQueueUrl)) responses.push(JSON.parse(body));
    return responses.some((response) => response.requestId === requestId);
  });
  return responses;
}

/** Messages in the request queue that are not valid requests. */
export const messages: AttackKind = {
  name: "poisoned messages",
  checks: {
    "sends invalid messages to the dead-letter queue without a response": async (target) => {
      await target.receive(target.file.deadLetterQueueUrl);
      await target.receive(target.file.responseQueueUrl);
      const before = target.dispatcher.mainThreadMs();
      for (const body of POISON) await target.queue(body);
      const dead: string[] = [];
      await target.until("a dead letter for each", async () => {
        dead.push(...(await target.receive(target.file.deadLetterQueueUrl)));
        return dead.length >= POISON.length;
      });
      assert.equal(dead.length, POISON.length);
      assert.deepEqual(await target.receive(target.file.responseQueueUrl), []);
      const spentMs = (target.dispatcher.mainThreadMs() - before) / POISON.length;
      assert.ok(spentMs <= MAIN_THREAD_MS, `the dispatcher took ${spentMs} ms per message`);
    },
    "sends no response for a job that a malformed body names": async (target) => {
      await target.run("mine", AVERAGE_RATES, target.file.token);
      await target.receive(target.file.responseQueueUrl);
      for (const body of BODIES_NAMING_A_JOB) await target.queue(body);
      const responses = await responsesThrough(target, `marker-${Date.now()}`);
      assert.deepEqual(
        responses.filter(({ requestId }) => requestId === "mine"),
        [],
      );
      await target.receive(target.file.deadLetterQueueUrl);
    },
    "responds to each oversized body or sends it to the dead-letter queue": async (target) => {
      await target.receive(target.file.responseQueueUrl);
      const names = Object.keys(BODIES);
      const before = target.dispatcher.mainThreadMs();
      for (const [index, name] of names.entries())
        await target.queue((BODIES[name]?.() ?? "").replace('"requestId":"a"', `"requestId":"body-${index}"`));
      const statuses = new Map<string, string>();
      const dead: string[] = [];
      await target.until("a response or a dead letter for each", async () => {
        for (const body of await target.receive(target.file.responseQueueUrl)) {
          const { requestId, status } = JSON.parse(body);
          statuses.set(requestId, status);
        }
        dead.push(...(await target.receive(target.file.deadLetterQueueUrl)));
        return statuses.size + dead.length >= names.length;
      });
      assert.deepEqual([...new Set(statuses.values())], ["FAILED"]);
      const spentMs = (target.dispatcher.mainThreadMs() - before) / names.length;
      assert.ok(spentMs <= MAIN_THREAD_MS, `the dispatcher took ${spentMs} ms per message`);
    },
  },
  async send(target) {
    for (const body of POISON) await target.queue(body);
  },
};
