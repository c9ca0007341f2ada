// What timePreview.ts compares the program with: it makes nothing, and loads the packages that it is told to.
await Promise.all(JSON.parse(process.env.RATES_MODULES ?? "[]").map((name) => import(name)));
