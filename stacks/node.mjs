// Plain JavaScript, so that a Node that cannot run the program, or a policy pack, can still say so.
const [major = "0"] = process.versions.node.split(".");
if (Number(major) < 24)
  throw new Error(
    `This program needs Node 24 or newer and was started with ${process.versions.node}: ` +
      "`npm run pulumi -- up -s dev` puts the right one on PATH.",
  );
