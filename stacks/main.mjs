// Where Pulumi enters. What Node has to strip of types is imported once it is known that it can.
import "./node.mjs";

// Pulumi's process rewrites each stack trace by source maps, of which there are none here: a resource is made with one.
Error.prepareStackTrace = undefined;

const { default: program } = await import("./index.ts");
export default program;
