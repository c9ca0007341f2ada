// Imported by every policy pack before anything else is loaded.
import "../stacks/node.mjs";
import module from "node:module";

// The engine ends a pack by a signal, after which Node would discard the code that it has compiled.
setTimeout(module.flushCompileCache, 1_000).unref();
