#!/usr/bin/env node
// `rates`, from the clone: finds the Node that the lock file pins and hands everything on to it, whatever node this is.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const node = at("../../node_modules/node/bin/node");
if (!existsSync(node)) {
  console.error("rates: nothing is installed yet in this clone. Run `npm start` once, or `npm ci`.");
  process.exit(4);
}
const child = spawn(node, ["--disable-warning=ExperimentalWarning", at("main.ts"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
