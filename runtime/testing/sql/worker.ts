import { parentPort } from "node:worker_threads";

/**
 * Replaces the worker of the SQL parser in tests. Its statements are commands: `hang`, `throw`, `exit`, and `count`,
 * which returns the number of statements in the message. Any other statement is returned unchanged.
 */
parentPort?.on("message", (texts: string[]) => {
  parentPort?.postMessage(texts.map((text) => ({ sql: execute(text, texts.length) })));
});
parentPort?.postMessage("ready");

function execute(text: string, count: number): string {
  if (text === "hang") for (;;);
  if (text === "throw") throw new RangeError("Maximum call stack size exceeded");
  if (text === "exit") process.exit(1);
  return text.startsWith("count") ? String(count) : text;
}
