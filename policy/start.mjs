// What every pack does before it loads anything: Pulumi starts one process a pack and run, one after the other, and an
// operator waits for each.
import "../stacks/node.mjs";
import module from "node:module";

// The engine ends a pack by a signal, on which Node would keep nothing of what it has compiled.
setTimeout(module.flushCompileCache, 1_000).unref();

// @pulumi/pulumi loads npm's whole tree builder, for the closures of programs; a pack has none.
module.registerHooks({
  load: (url, context, next) =>
    url.includes("/@npmcli/arborist/lib/index.js")
      ? { format: "commonjs", source: "module.exports = {}", shortCircuit: true }
      : next(url, context),
});
