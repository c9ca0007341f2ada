// Pulumi's entry point. Not TypeScript: Pulumi would use ts-node, which cannot resolve imports that end in .ts. Without
// top-level await, since Pulumi requires it. TypeScript modules are imported after the check that this Node strips
// types.
import "../start.mjs";

Promise.all([import("../pack.ts"), import("./rules.ts")]).then(([{ servePack }, { SECURITY_RULES }]) =>
  servePack("security", "Security: access, encryption, backups and logs", SECURITY_RULES),
);
