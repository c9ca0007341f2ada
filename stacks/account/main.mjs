// Where Pulumi enters, as ../main.mjs.
const [major = "0"] = process.versions.node.split(".");
if (Number(major) < 24)
  throw new Error(
    `This program needs Node 24 or newer and was started with ${process.versions.node}: ` +
      "`npm run pulumi -- -C stacks/account up` puts the right one on PATH.",
  );
const { default: program } = await import("./index.ts");
export default program;
