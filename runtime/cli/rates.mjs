#!/usr/bin/env node
// Launcher of `rates` in a clone. It runs on any Node version, and starts the command on the version in the lock file.
import { spawn } from "node:child_process";
import { existsSync, fstatSync } from "node:fs";
import { fileURLToPath } from "node:url";

const UNREACHABLE = 4; // the code in exits.ts, which older Node versions cannot load
const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const node = pathOf("../../node_modules/node/bin/node");
const failUninstalled = () => {
  console.error("rates: the packages of this clone are not installed. Run `npm start` once, or `npm ci`.");
  process.exit(UNREACHABLE);
};
if (!existsSync(node)) failUninstalled();
// Returns stdio settings that pass on the descriptors which the arguments name, for example /dev/fd/7. Without these
// settings, Node closes inherited descriptors below 16 in child processes.
function descriptors() {
  const descriptorNumbers = process.argv.slice(2).flatMap((text) => /\/fd\/([3-9]|1[0-5])$/.exec(text)?.[1] ?? []);
  const open = descriptorNumbers.map(Number).filter((descriptor) => {
    try {
      const stats = fstatSync(descriptor);
      return stats.isFile() || stats.isCharacterDevice() || (stats.isFIFO() && !isOwnPipe(descriptor, stats));
    } catch {
      return false;
    }
  });
  if (open.length === 0) return [];
  return Array.from({ length: Math.max(...open) - 2 }, (_, index) => (open.includes(index + 3) ? index + 3 : "ignore"));
}
// Returns true if the descriptor belongs to one of Node's own pipes: then this process has both ends of the pipe.
function isOwnPipe(descriptor, { ino }) {
  for (let other = 3; other < 64; other++)
    try {
      if (other !== descriptor && fstatSync(other).ino === ino) return true;
    } catch {
      // This descriptor is not open.
    }
  return false;
}
const child = spawn(node, ["--disable-warning=ExperimentalWarning", pathOf("main.ts"), ...process.argv.slice(2)], {
  stdio: ["inherit", "inherit", "inherit", ...descriptors()],
});
child.on("error", failUninstalled);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // End with the child's signal, so that a shell sees the signal instead of an exit code with another meaning.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
