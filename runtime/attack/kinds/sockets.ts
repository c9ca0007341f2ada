import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { CHECK_SECONDS } from "../../api/timeouts.ts";
import { MALFORMED } from "../../testing/api/malformed.ts";
import { CONNECTIONS, REQUEST_SECONDS } from "../configuration.ts";
import type { Target } from "../target.ts";
import type { AttackKind } from "./kind.ts";

/**
 * Maximum duration of a stalled request in milliseconds: its time limit, two intervals of the API's check, and a margin
 * for a busy machine.
 */
const STALLED_MS = (REQUEST_SECONDS + 2 * CHECK_SECONDS + 2) * 1000;
/** Maximum milliseconds until a malformed request or a health check gets a response. */
const RESPONSE_MS = 5_000;

/** Opens a connection to the API and writes a text. `closed` resolves to all received text when the API closes it. */
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

const withTimeout = async <T>(description: string, promise: Promise<T>, milliseconds: number): Promise<T> =>
  Promise.race([
    promise,
    delay(milliseconds, undefined, { ref: false }).then(() =>
      assert.fail(`${description}: open after ${milliseconds} ms`),
    ),
  ]);

const post = (token: string, rest: string) =>
  `POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\n${rest}`;

/** Connections that stall, flood, or do not speak HTTP. */
export const sockets: AttackKind = {
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
    "responds to malformed requests briefly and closes the connection": async (target) => {
      for (const text of MALFORMED) {
        const { socket, closed } = await openConnection(target, text);
        try {
          const response = await withTimeout(JSON.stringify(text.slice(0, 40)), closed, RESPONSE_MS);
          assert.match(response, /^(HTTP\/1\.1 4\d\d |$)/, text.slice(0, 40));
          assert.ok(response.length < 1_000, `${response.length} bytes for ${text.slice(0, 40)}`);
        } finally {
          socket.destroy();
        }
      }
    },
    "serves a new client while others hold all connections": async (target) => {
      const connections = await Promise.all(Array.from({ length: CONNECTIONS + 100 }, () => openConnection(target)));
      try {
        const { closed, socket } = await openConnection(
          target,
          "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        );
        connections.push({ closed, socket });
        assert.match(await withTimeout("a health check", closed, RESPONSE_MS), /^HTTP\/1\.1 200 /);
        const open = connections.filter((connection) => !connection.socket.destroyed).length;
        assert.ok(open <= CONNECTIONS + 1, `${open} connections are open`);
      } finally {
        for (const { socket } of connections) socket.destroy();
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
