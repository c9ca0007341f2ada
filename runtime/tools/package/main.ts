import { resolve } from "node:path";
import { packCommandLine } from "./build.ts";

/** `npm run pack-cli [-- DIRECTORY]`: packs the command line as an npm package. */
const USAGE = "npm run pack-cli [-- DIRECTORY]: packs the command line into DIRECTORY (.)";
const [directory = ".", ...more] = process.argv.slice(2);
const isOption = directory.startsWith("-");
if (directory === "--help" || directory === "-h") console.log(USAGE);
else if (isOption || more.length > 0) {
  console.error(
    `${isOption ? `There is no option ${directory}.` : `Name only one directory; '${more[0]}' is one too many.`}\n${USAGE}`,
  );
  process.exitCode = 2;
} else console.log(await packCommandLine(resolve(directory)));
