// Imported by every policy pack before all other modules.
import "../stacks/node.mjs";
import module from "node:module";

// The engine ends a pack with a signal, after which Node would discard its compile cache.
setTimeout(module.flushCompileCache, 1_000).unref();
