#!/usr/bin/env node
// `rates` of the clone: works with any Node, and runs the command with the Node version that the lock file pins.
import { spawn } from "node:child_process";
import { existsSync, fstatSync } from "node:fs";
import { fileURLToPath } from "node:url";

const UNREACHABLE = 4; // as in exits.ts, which an older node cannot read
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const node = at("../../node_modules/node/bin/node");
const missing = () => {
  console.error("rates: the packages of this clone are not installed. Run `npm start` once, or `npm ci`.");
  process.exit(UNREACHABLE);
};
if (!existsSync(node)) missing();
// Passes on the descriptors that arguments name (/dev/fd/7): Node closes inherited descriptors below 16 in child
// processes. Those from 16 on are inherited.
function descriptors() {
  const named = process.argv.slice(2).flatMap((text) => /\/fd\/([3-9]|1[0-5])$/.exec(text)?.[1] ?? []);
  const open = named.map(Number).filter((descriptor) => {
    try {
      const found = fstatSync(descriptor);
      return found.isFile() || found.isCharacterDevice() || (found.isFIFO() && !isOwnPipe(descriptor, found));
    } catch {
      return false;
    }
  });
  if (open.length === 0) return [];
  return Array.from({ length: Math.max(...open) - 2 }, (_, index) => (open.includes(index + 3) ? index + 3 : "ignore"));
}
// Both ends of Node's own pipes are in this process.
function isOwnPipe(descriptor, { ino }) {
  for (let other = 3; other < 64; other++)
    try {
      if (other !== descriptor && fstatSync(other).ino === ino) return true;
    } catch {
      // It is not open.
    }
  return false;
}
const child = spawn(node, ["--disable-warning=ExperimentalWarning", at("main.ts"), ...process.argv.slice(2)], {
  stdio: ["inherit", "inherit", "inherit", ...descriptors()],
});
child.on("error", missing);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // Ends by the child's signal, so that a shell sees the signal and not an exit code with another meaning.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
