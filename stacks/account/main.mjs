// Pulumi's entry point, like ../main.mjs.
import "../node.mjs";

const { default: program } = await import("./index.ts");
export default program;
