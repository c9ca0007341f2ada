// Pulumi's entry point. Not TypeScript: Pulumi would use ts-node, which cannot resolve imports that end in .ts. No
// top-level await: Pulumi loads this file with require(). TypeScript modules are imported dynamically, after start.mjs
// has checked that this Node version can run them.
import "../start.mjs";

Promise.all([import("../pack.ts"), import("./rules.ts")]).then(([{ servePack }, { SECURITY_RULES }]) =>
  servePack("security", "Security: access, encryption, backups and logs", SECURITY_RULES),
);
