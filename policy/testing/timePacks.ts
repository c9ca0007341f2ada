import { fileURLToPath } from "node:url";
import type { Engine } from "../../stacks/testing/engine.ts";
import { stackEngine } from "../../stacks/testing/stackEngine.ts";

// `node policy/testing/timePacks.ts <rounds>` previews prod in the real engine, alternately without a policy pack, with
// two packs without rules, and with ours. Prints `{ none, bare, ours }` as JSON: milliseconds of each preview.

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const bare = file("bare");
const PACKS = { none: [], bare: [bare, bare], ours: [file("../limits"), file("../security")] };

const rounds = Number(process.argv[2] ?? 3);
const engines: [string, Engine][] = [];
const durationsMs: Record<string, number[]> = {};
try {
  for (const [name, policyPacks] of Object.entries(PACKS))
    engines.push([name, await stackEngine("prod", { policyPacks })]);
  // Does not record the first round, which fills the system's file cache.
  for (let round = 0; round <= rounds; round++)
    for (const [name, engine] of engines) {
      const began = performance.now();
      await engine.preview();
      durationsMs[name] ??= [];
      if (round > 0) durationsMs[name].push(performance.now() - began);
    }
  console.log(JSON.stringify(durationsMs));
} finally {
  for (const [, engine] of engines) await engine.close();
}
