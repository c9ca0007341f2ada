// The baseline of timePreview.ts: creates nothing, and loads the given packages. Like any ordinary program it compiles
// them each time; ours keeps a compile cache (stacks/node.mjs).
await Promise.all(JSON.parse(process.env.RATES_MODULES ?? "[]").map((name) => import(name)));
