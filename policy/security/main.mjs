// Where Pulumi enters. Not TypeScript: Pulumi would hand it to ts-node, which does not know imports that end in .ts; and
// without await, since Pulumi requires it. What Node must strip of types is imported once it is known that it can.
import "../start.mjs";

Promise.all([import("../pack.ts"), import("./rules.ts")]).then(([{ servePack }, { SECURITY_RULES }]) =>
  servePack("security", "How things must be so that nobody gets at them", SECURITY_RULES),
);
