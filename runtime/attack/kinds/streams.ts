import assert from "node:assert/strict";
import { LONG_READ, type Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

/** Maximum concurrent event streams per token (api.limits.streamsPerToken), and the number requested. */
const STREAMS_PER_TOKEN = 50;
const REQUESTED_STREAMS = STREAMS_PER_TOKEN + 20;
/** Number of sessions that a caller opens with one token to get more streams. */
const SESSIONS = 3;
/** Maximum time that a stream outlives its token, in milliseconds. */
const OUTLIVE_MS = 5_000;

/** Opens event streams of a running job, calls `use`, and closes the streams. */
async function withStreams(
  target: Target,
  token: string,
  count: number,
  use: (streams: Response[], path: string) => Promise<void>,
): Promise<void> {
  const requestId = `streams-${Date.now()}`;
  const body = { requestId, task: LONG_READ, timeoutSeconds: 60 };
  assert.equal((await target.http("POST", "/jobs", body, target.attacker)).status, 202);
  const controller = new AbortController();
  try {
    const streams: Response[] = [];
    for (let index = 0; index < count; index++)
      streams.push(
        await fetch(`${target.file.api}/jobs/${requestId}/events`, {
          headers: { authorization: `Bearer ${token}` },
          signal: controller.signal,
        }),
      );
    await use(streams, `/jobs/${requestId}/events`);
  } finally {
    controller.abort();
    await target.http("POST", `/jobs/${requestId}/cancel`, {}, target.attacker);
    await target.waitForEnd(requestId, target.attacker);
  }
}

/** Too many event streams, and streams that outlive their token. */
export const streams: AttackKind = {
  name: "event streams",
  checks: {
    "limits the event streams per token": (target) =>
      withStreams(target, target.attacker, REQUESTED_STREAMS, async (opened) => {
        const statuses = opened.map(({ status }) => status);
        assert.equal(statuses.filter((status) => status === 200).length, STREAMS_PER_TOKEN);
        assert.equal(statuses.filter((status) => status === 429).length, REQUESTED_STREAMS - STREAMS_PER_TOKEN);
      }),
    "counts the streams of sessions towards their token's limit": async (target) => {
      const { token } = await target.newToken("attacker", ["read", "submit", "cancel"]);
      const cookies: string[] = [];
      for (let session = 0; session < SESSIONS; session++) {
        const sameOrigin = { "sec-fetch-site": "same-origin" };
        const created = await target.http("POST", "/session", { token }, undefined, sameOrigin);
        assert.equal(created.status, 201, created.text);
        cookies.push(created.headers.get("set-cookie")?.split(";")[0] ?? "");
      }
      await withStreams(target, token, STREAMS_PER_TOKEN, async (opened, path) => {
        assert.deepEqual([...new Set(opened.map(({ status }) => status))], [200]);
        for (const cookie of cookies)
          assert.equal((await target.http("GET", path, undefined, undefined, { cookie })).status, 429);
      });
    },
    "ends the streams of a revoked token": async (target) => {
      const { id, token } = await target.newToken("attacker", ["read"]);
      await withStreams(target, token, 3, async (opened) => {
        const texts = Promise.all(opened.map((stream) => stream.text()));
        texts.catch(() => undefined);
        let ended = false;
        void texts.then(() => {
          ended = true;
        });
        const { status } = await target.http("DELETE", `/tokens/${id}`, undefined, target.file.token);
        assert.equal(status, 204);
        await target.until("the end of the streams", async () => ended, OUTLIVE_MS);
      });
    },
  },
  send: (target) => withStreams(target, target.attacker, STREAMS_PER_TOKEN, async () => undefined),
};
