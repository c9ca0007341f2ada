// Baseline of timePreview.ts: creates nothing, but loads the given packages. It compiles them each time, like an ordinary
// program; the platform's program keeps a compile cache (stacks/node.mjs).
await Promise.all(JSON.parse(process.env.RATES_MODULES ?? "[]").map((name) => import(name)));
