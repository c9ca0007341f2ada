// Where Pulumi enters. What Node has to strip of types is imported once it is known that it can.
import "./node.mjs";

// What follows is worth a third of the program's time (`npm run bench program`). Pulumi's process rewrites each stack
// trace by source maps, of which there are none here, and asks for some ten of them for each resource: a few frames of
// each are enough to see where in our code it was made.
Error.prepareStackTrace = undefined;
Error.stackTraceLimit = 4;

// Each resource tells the engine three times what becomes of it, one call after the other, for `pulumi --debug` to show.
// RATES_DEBUG=1 has it told.
if (!process.env.RATES_DEBUG) {
  const { default: log } = await import("@pulumi/pulumi/log/index.js");
  log.debug = () => Promise.resolve();
}

const { default: program } = await import("./index.ts");
export default program;
