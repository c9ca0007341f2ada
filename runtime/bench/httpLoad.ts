import { readFileSync } from "node:fs";
import { connect } from "node:net";

/**
 * A load of GET requests over keep-alive connections, one request under way on each: its own process, so that it does
 * not share the measurer's. Prints how many were answered 200 a second.
 *
 * node httpLoad.ts HOST PORT CONNECTIONS SECONDS FILE-WITH-PATHS
 */
const [host = "", port = "", connections = "", seconds = "", file = ""] = process.argv.slice(2);
const requests = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
let answered = 0;
let failed = 0;

for (let one = 0; one < Number(connections); one++) {
  const socket = connect(Number(port), host);
  socket.setNoDelay(true);
  const next = () => socket.write(requests[Math.floor(Math.random() * requests.length)] ?? "");
  // Bytes of the answer under way that are still to come; undefined before its head is whole.
  let left: number | undefined;
  let head = "";
  socket.on("data", (chunk) => {
    if (left === undefined) {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      if (!head.startsWith("HTTP/1.1 200")) failed++;
      left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4);
    } else left -= chunk.length;
    if (left > 0) return;
    answered++;
    left = undefined;
    head = "";
    next();
  });
  socket.on("connect", next);
}
const begun = performance.now();
setTimeout(() => {
  if (failed > 0) throw new Error(`${failed} requests were not answered 200`);
  console.log((answered / (performance.now() - begun)) * 1000);
  process.exit(0);
}, Number(seconds) * 1000);
