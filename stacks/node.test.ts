import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Pulumi's entry points: programs and policy packs. */
const ENTRY_POINTS = ["main.mjs", "account/main.mjs", "../policy/limits/main.mjs", "../policy/security/main.mjs"];

/** Simulates an old Node: its version, and a node:module without the newer named exports. */
const OLD_NODE = `data:text/javascript,${encodeURIComponent(`
  import module from "node:module";
  Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });
  const withoutNamedExports = { url: "data:text/javascript,export default {}", shortCircuit: true };
  module.registerHooks({ resolve: (name, context, next) => (name === "node:module" ? withoutNamedExports : next(name, context)) });
`)}`;

describe("a Node that is too old", () => {
  for (const entry of ENTRY_POINTS)
    it(`is reported by ${entry} with the required version and the remedy`, async () => {
      const file = fileURLToPath(new URL(entry, import.meta.url));
      const { promise, resolve } = Promise.withResolvers<{ status: number | null; stderr: string }>();
      const child = execFile(process.execPath, ["--import", OLD_NODE, file], (_, __, stderr) =>
        resolve({ status: child.exitCode, stderr }),
      );
      const { status, stderr } = await promise;
      assert.equal(status, 1);
      assert.match(stderr, /needs Node 24 or newer and was started with 20\.20\.2: `npm run pulumi -- …`/);
    });
});
