import { resolve } from "node:path";
import { packCommandLine } from "./build.ts";

/** `npm run pack-cli [-- DIRECTORY]`: packs the command line as a package of its own. */
console.log(await packCommandLine(resolve(process.argv[2] ?? ".")));
