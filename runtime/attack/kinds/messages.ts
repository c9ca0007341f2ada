import assert from "node:assert/strict";
import { BODIES, BODIES_NAMING_A_JOB, POISON } from "../cases.ts";
import { AVERAGE_RATES, type Target } from "../target.ts";
import { type Kind, MAIN_THREAD_MS } from "./kind.ts";

/** Waits for the response to a request that was sent behind others, and returns all responses until then. */
async function responsesUntil(target: Target, requestId: string): Promise<{ requestId: string; status: string }[]> {
  await target.queue(JSON.stringify({ requestId, task: AVERAGE_RATES }));
  const responses: { requestId: string; status: string }[] = [];
  await target.until(`the response to ${requestId}`, async () => {
    for (const body of await target.receive(target.file.responseQueueUrl)) responses.push(JSON.parse(body));
    return responses.some((response) => response.requestId === requestId);
  });
  return responses;
}

/** Messages of the request queue that are not requests. */
export const messages: Kind = {
  name: "poisoned messages",
  checks: {
    "sends invalid messages to the dead letters without an answer": async (target) => {
      await target.receive(target.file.deadLetterQueueUrl);
      await target.receive(target.file.responseQueueUrl);
      const before = target.dispatcher.mainThreadMs();
      for (const body of POISON) await target.queue(body);
      const dead: string[] = [];
      await target.until("each as a dead letter", async () => {
        dead.push(...(await target.receive(target.file.deadLetterQueueUrl)));
        return dead.length >= POISON.length;
      });
      assert.equal(dead.length, POISON.length);
      assert.deepEqual(await target.receive(target.file.responseQueueUrl), []);
      const spent = (target.dispatcher.mainThreadMs() - before) / POISON.length;
      assert.ok(spent <= MAIN_THREAD_MS, `the dispatcher took ${spent} ms per message`);
    },
    "answers no other job for a body that merely names it": async (target) => {
      await target.run("mine", AVERAGE_RATES, target.file.token);
      await target.receive(target.file.responseQueueUrl);
      for (const body of BODIES_NAMING_A_JOB) await target.queue(body);
      const responses = await responsesUntil(target, `marker-${Date.now()}`);
      assert.deepEqual(
        responses.filter(({ requestId }) => requestId === "mine"),
        [],
      );
      await target.receive(target.file.deadLetterQueueUrl);
    },
    "answers each body that a caller overloads": async (target) => {
      await target.receive(target.file.responseQueueUrl);
      const names = Object.keys(BODIES);
      const before = target.dispatcher.mainThreadMs();
      for (const [index, name] of names.entries())
        await target.queue((BODIES[name]?.() ?? "").replace('"requestId":"a"', `"requestId":"body-${index}"`));
      const answered = new Map<string, string>();
      const dead: string[] = [];
      await target.until("an answer or a dead letter for each", async () => {
        for (const body of await target.receive(target.file.responseQueueUrl)) {
          const { requestId, status } = JSON.parse(body);
          answered.set(requestId, status);
        }
        dead.push(...(await target.receive(target.file.deadLetterQueueUrl)));
        return answered.size + dead.length >= names.length;
      });
      assert.deepEqual([...new Set(answered.values())], ["FAILED"]);
      const spent = (target.dispatcher.mainThreadMs() - before) / names.length;
      assert.ok(spent <= MAIN_THREAD_MS, `the dispatcher took ${spent} ms per message`);
    },
  },
  async send(target) {
    for (const body of POISON) await target.queue(body);
  },
};
