// What every program and policy pack begins with. Plain JavaScript, and nothing imported by name, so that a Node that
// cannot run the rest can still say so.
import module from "node:module";

const [major = "0"] = process.versions.node.split(".");
if (Number(major) < 24)
  throw new Error(
    `This program needs Node 24 or newer and was started with ${process.versions.node}: ` +
      "`npm run pulumi -- …` in place of `pulumi …` puts the right one on PATH.",
  );

// What Node compiles, and strips of types, is kept for the next run in the system's folder for temporary files.
module.enableCompileCache();
