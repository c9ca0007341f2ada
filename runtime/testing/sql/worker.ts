import { parentPort } from "node:worker_threads";

/** A worker of the parser's protocol whose statements say what happens: `hang`, `throw`, `exit`, anything else is answered. */
parentPort?.on("message", (text: string) => {
  if (text === "hang") for (;;);
  if (text === "throw") throw new RangeError("Maximum call stack size exceeded");
  if (text === "exit") process.exit(1);
  parentPort?.postMessage({ sql: text });
});
parentPort?.postMessage("ready");
