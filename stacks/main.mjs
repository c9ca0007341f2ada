// Where Pulumi enters. What Node has to strip of types is imported once it is known that it can.
import "./node.mjs";

const { default: program } = await import("./index.ts");
export default program;
