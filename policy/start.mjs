// What every pack does before it loads anything: Pulumi starts one process a pack and run, one after the other, and an
// operator waits for each.
import { enableCompileCache, flushCompileCache, registerHooks } from "node:module";
import "../stacks/node.mjs";

// What Node has compiled, and stripped of types, is kept for the next run, in the system's folder for temporary files.
enableCompileCache();
// The engine ends a pack by a signal, on which Node would keep nothing.
setTimeout(flushCompileCache, 1_000).unref();

// @pulumi/pulumi loads npm's whole tree builder, for the closures of programs; a pack has none.
registerHooks({
  load: (url, context, next) =>
    url.includes("/@npmcli/arborist/lib/index.js")
      ? { format: "commonjs", source: "module.exports = {}", shortCircuit: true }
      : next(url, context),
});
