import assert from "node:assert/strict";
import { LONG_READ, type Target } from "../target.ts";
import type { Kind } from "./kind.ts";

/** Event streams of one token at once (api.limits.streamsPerToken), and how many are asked for. */
const PER_TOKEN = 50;
const OPENED_STREAMS = PER_TOKEN + 20;
/** Sessions that one token makes to have more. */
const SESSIONS = 3;
/** Maximum milliseconds of a stream beyond its token. */
const OUTLIVE_MS = 5_000;

/** Opens streams of a job that runs on, for as long as `use` takes. */
async function withStreams(
  target: Target,
  token: string,
  count: number,
  use: (streams: Response[], path: string) => Promise<void>,
): Promise<void> {
  const requestId = `streams-${Date.now()}`;
  const body = { requestId, task: LONG_READ, timeoutSeconds: 60 };
  assert.equal((await target.http("POST", "/jobs", body, target.attacker)).status, 202);
  const leave = new AbortController();
  try {
    const streams: Response[] = [];
    for (let one = 0; one < count; one++)
      streams.push(
        await fetch(`${target.file.api}/jobs/${requestId}/events`, {
          headers: { authorization: `Bearer ${token}` },
          signal: leave.signal,
        }),
      );
    await use(streams, `/jobs/${requestId}/events`);
  } finally {
    leave.abort();
    await target.http("POST", `/jobs/${requestId}/cancel`, {}, target.attacker);
    await target.waitForEnd(requestId, target.attacker);
  }
}

/** Event streams without number or end. */
export const streams: Kind = {
  name: "event streams",
  checks: {
    "opens no more event streams per token than it may": (target) =>
      withStreams(target, target.attacker, OPENED_STREAMS, async (opened) => {
        const statuses = opened.map(({ status }) => status);
        assert.equal(statuses.filter((status) => status === 200).length, PER_TOKEN);
        assert.equal(statuses.filter((status) => status === 429).length, OPENED_STREAMS - PER_TOKEN);
      }),
    "counts the streams of a token's sessions as the token's": async (target) => {
      const { token } = await target.newToken("attacker", ["read", "submit", "cancel"]);
      const cookies: string[] = [];
      for (let session = 0; session < SESSIONS; session++) {
        const own = { "sec-fetch-site": "same-origin" };
        const made = await target.http("POST", "/session", { token }, undefined, own);
        assert.equal(made.status, 201, made.text);
        cookies.push(made.headers.get("set-cookie")?.split(";")[0] ?? "");
      }
      await withStreams(target, token, PER_TOKEN, async (opened, path) => {
        assert.deepEqual([...new Set(opened.map(({ status }) => status))], [200]);
        for (const cookie of cookies)
          assert.equal((await target.http("GET", path, undefined, undefined, { cookie })).status, 429);
      });
    },
    "ends the streams of a token that is revoked": async (target) => {
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
  send: (target) => withStreams(target, target.attacker, PER_TOKEN, async () => undefined),
};
