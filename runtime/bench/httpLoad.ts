import { readFileSync } from "node:fs";
import { connect } from "node:net";

/**
 * Sends GET requests, one at a time per connection, and keeps connections open as long as the server does. Runs in its own
 * process. Prints the number of responses per second; fails if a response is not a 200 or a connection fails.
 *
 * node httpLoad.ts HOST PORT CONNECTIONS SECONDS FILE-WITH-PATHS
 */
const [host = "", port = "", connections = "", seconds = "", file = ""] = process.argv.slice(2);
const requests = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
let responses = 0;
let failures = 0;

function openConnection(): void {
  const socket = connect(Number(port), host);
  socket.setNoDelay(true);
  const next = () => socket.write(requests[Math.floor(Math.random() * requests.length)] ?? "");
  // Bytes of the current response that are still missing; undefined until its head is complete.
  let missingBytes: number | undefined;
  let head = "";
  let willClose = false;
  socket.on("data", (chunk) => {
    if (missingBytes === undefined) {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const received = head.length - end - 4;
      head = head.slice(0, end);
      if (!head.startsWith("HTTP/1.1 200")) failures++;
      willClose = /\r\nconnection: close/i.test(head);
      missingBytes = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - received;
    } else missingBytes -= chunk.length;
    if (missingBytes > 0) return;
    responses++;
    missingBytes = undefined;
    head = "";
    if (!willClose) next();
  });
  socket.on("connect", next);
  socket.on("error", () => {
    if (!willClose) failures++;
  });
  socket.on("close", openConnection);
}
for (let opened = 0; opened < Number(connections); opened++) openConnection();
const startedAt = performance.now();
setTimeout(() => {
  if (failures > 0) throw new Error(`${failures} requests failed or did not return 200`);
  console.log((responses / (performance.now() - startedAt)) * 1000);
  process.exit(0);
}, Number(seconds) * 1000);
