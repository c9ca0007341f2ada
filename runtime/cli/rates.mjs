#!/usr/bin/env node
// `rates`, from the clone: finds the Node that the lock file pins and hands everything on to it, whatever node this is.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const UNREACHABLE = 4; // as in exits.ts, which an older node cannot read
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const node = at("../../node_modules/node/bin/node");
const missing = () => {
  console.error("rates: nothing is installed yet in this clone. Run `npm start` once, or `npm ci`.");
  process.exit(UNREACHABLE);
};
if (!existsSync(node)) missing();
const child = spawn(node, ["--disable-warning=ExperimentalWarning", at("main.ts"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
child.on("error", missing);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // Ended as the child was, so that a shell sees the signal and not an exit code that means something else.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
