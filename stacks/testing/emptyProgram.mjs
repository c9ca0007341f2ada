// What timePreview.ts compares the program with: it makes nothing, and loads the packages that it is told to. Like any
// program that does nothing for it, it compiles them anew each time; ours keeps what was compiled (stacks/node.mjs).
await Promise.all(JSON.parse(process.env.RATES_MODULES ?? "[]").map((name) => import(name)));
