// Pulumi's entry point. The program is imported only after node.mjs has checked that this Node can strip its types.
import "./node.mjs";

const { default: program } = await import("./index.ts");
export default program;
