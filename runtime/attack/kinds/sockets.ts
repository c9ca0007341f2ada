import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { CHECK_SECONDS } from "../../api/timeouts.ts";
import { MALFORMED } from "../../testing/api/malformed.ts";
import { CONNECTIONS, REQUEST_SECONDS } from "../configuration.ts";
import type { Target } from "../target.ts";
import type { Kind } from "./kind.ts";

/** Maximum duration of a stalled request in milliseconds: its own limit, two checks, and a busy machine. */
const STALLED_MS = (REQUEST_SECONDS + 2 * CHECK_SECONDS + 2) * 1000;
/** Maximum milliseconds until malformed bytes are answered. */
const ANSWER_MS = 5_000;

/** Opens a connection to the API and writes to it; `closed` resolves with all that came back when the API has closed it. */
async function openConnection(target: Target, text = "") {
  const { hostname, port } = new URL(target.file.api);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  const closed = once(socket, "close").then(() => received);
  await once(socket, "connect");
  if (text !== "") socket.write(text);
  return { socket, closed };
}

const withTimeout = async <T>(what: string, promise: Promise<T>, milliseconds: number): Promise<T> =>
  Promise.race([
    promise,
    delay(milliseconds, undefined, { ref: false }).then(() => assert.fail(`${what}: open after ${milliseconds} ms`)),
  ]);

const post = (token: string, rest: string) =>
  `POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\n${rest}`;

/** Connections that stall, flood, or do not speak HTTP. */
export const sockets: Kind = {
  name: "sockets",
  checks: {
    "closes each connection that stalls within a request": async (target) => {
      const texts = [
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        "GET ",
        post(target.attacker, "Content-Length: 100\r\n\r\n{"),
        post(target.attacker, "Transfer-Encoding: chunked\r\n\r\n5\r\n{"),
      ];
      const stalled = await Promise.all(texts.map((text) => openConnection(target, text)));
      const trickled = await openConnection(target, post(target.attacker, "Transfer-Encoding: chunked\r\n\r\n"));
      const trickle = setInterval(() => trickled.socket.write("1\r\n \r\n"), 50);
      try {
        for (const [index, { closed }] of [...stalled, trickled].entries())
          await withTimeout(texts[index]?.slice(0, 40) ?? "a body byte by byte", closed, STALLED_MS);
      } finally {
        clearInterval(trickle);
        for (const { socket } of [...stalled, trickled]) socket.destroy();
      }
    },
    "answers what is not HTTP shortly, and closes": async (target) => {
      for (const text of MALFORMED) {
        const { socket, closed } = await openConnection(target, text);
        try {
          const answer = await withTimeout(JSON.stringify(text.slice(0, 40)), closed, ANSWER_MS);
          assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/, text.slice(0, 40));
          assert.ok(answer.length < 1_000, `${answer.length} bytes for ${text.slice(0, 40)}`);
        } finally {
          socket.destroy();
        }
      }
    },
    "serves a new client while others hold all connections": async (target) => {
      const many = await Promise.all(Array.from({ length: CONNECTIONS + 100 }, () => openConnection(target)));
      try {
        const { closed, socket } = await openConnection(
          target,
          "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        );
        many.push({ closed, socket });
        assert.match(await withTimeout("a health check", closed, ANSWER_MS), /^HTTP\/1\.1 200 /);
        const live = many.filter(({ socket: one }) => !one.destroyed).length;
        assert.ok(live <= CONNECTIONS + 1, `${live} connections are open`);
      } finally {
        for (const { socket } of many) socket.destroy();
      }
    },
  },
  async send(target) {
    const opened = await Promise.all(
      [...MALFORMED, ...Array.from({ length: 50 }, () => "GET ")].map((text) => openConnection(target, text)),
    );
    await delay(100);
    for (const { socket } of opened) socket.destroy();
  },
};
