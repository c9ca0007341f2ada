import { parentPort } from "node:worker_threads";

/**
 * A worker with the parser's protocol whose statements are commands: `hang`, `throw`, `exit`; all others are answered.
 */
parentPort?.on("message", (text: string) => {
  if (text === "hang") for (;;);
  if (text === "throw") throw new RangeError("Maximum call stack size exceeded");
  if (text === "exit") process.exit(1);
  parentPort?.postMessage({ sql: text });
});
parentPort?.postMessage("ready");
