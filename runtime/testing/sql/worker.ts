import { parentPort } from "node:worker_threads";

/**
 * A worker with the parser's protocol whose statements are commands: `hang`, `throw`, `exit`, and `count` for the number
 * of statements in its message; all others are answered.
 */
parentPort?.on("message", (texts: string[]) => {
  parentPort?.postMessage(texts.map((text) => ({ sql: answer(text, texts.length) })));
});
parentPort?.postMessage("ready");

function answer(text: string, count: number): string {
  if (text === "hang") for (;;);
  if (text === "throw") throw new RangeError("Maximum call stack size exceeded");
  if (text === "exit") process.exit(1);
  return text.startsWith("count") ? String(count) : text;
}
