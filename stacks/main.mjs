// Where Pulumi enters. What Node has to strip of types is imported once it is known that it can.
import "./node.mjs";

// What follows is worth a third of the program's time (`npm run bench program`). Pulumi's process rewrites each stack
// trace by source maps, of which there are none here, and asks for some ten of them for each resource: a few frames of
// each are enough to see where in our code it was made.
Error.prepareStackTrace = undefined;
Error.stackTraceLimit = 4;

// Each resource tells the engine three times what becomes of it, one call after the other, for `pulumi --debug` to show;
// each of its properties keeps a stack trace, for PULUMI_DEBUG_PROMISE_LEAKS to show; and it sends one of its own, of which
// Pulumi makes addresses that a program of ES modules does not have. RATES_DEBUG=1 lets it.
if (!process.env.RATES_DEBUG && !process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
  const [{ default: log }, { default: debuggable }, { Resource }] = await Promise.all([
    import("@pulumi/pulumi/log/index.js"),
    import("@pulumi/pulumi/runtime/debuggable.js"),
    import("@pulumi/pulumi/resource.js"),
  ]);
  log.debug = () => Promise.resolve();
  Resource.stackTrace = () => [];
  const { debuggablePromise } = debuggable;
  debuggable.debuggablePromise = (promise, context) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(promise, context);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}

const { default: program } = await import("./index.ts");
export default program;
