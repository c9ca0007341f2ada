// Imported first by every program and policy pack. Plain JavaScript without named imports, so that it can report a Node
// that is too old for the rest.
import module from "node:module";

const [major = "0"] = process.versions.node.split(".");
if (Number(major) < 24)
  throw new Error(
    `This program needs Node 24 or newer and was started with ${process.versions.node}: ` +
      "`npm run pulumi -- …` instead of `pulumi …` puts the right version on PATH.",
  );

// Keeps Node's compile cache, including stripped types, in the system's folder for temporary files.
module.enableCompileCache();
