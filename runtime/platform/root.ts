import { fileURLToPath } from "node:url";

/** Path of the repository's root folder, which is `/app` in the images; it ends in a slash. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
