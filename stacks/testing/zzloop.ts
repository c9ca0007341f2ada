import { appendFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { engine } from "./engine.ts";
import { platform } from "./fixtures/program.ts";
import { RunFailed } from "./run.ts";

const PACK = fileURLToPath(new URL("fixtures/pack", import.meta.url));
const secrets = { "rates-platform:password": "correct-horse-battery-staple" };
const until = Date.now() + Number(process.argv[2]) * 1000;
const out = `/tmp/w/probe/loop/${process.pid}.txt`;
let n = 0;
while (Date.now() < until) {
  const dev = await engine({ program: () => platform({ visibility: 30 }), secrets, policyPacks: [PACK] });
  try {
    for (let i = 0; i < 3 && Date.now() < until; i++) {
      n++;
      try {
        const run = await dev.preview();
        appendFileSync(
          out,
          `RESOLVED at ${n}: ${JSON.stringify({ ...run, steps: run.steps.map((s) => [s.op, s.type, s.name, s.inputs.visibilityTimeoutSeconds]) })}\n`,
        );
        process.exit(1);
      } catch (e) {
        if (!(e instanceof RunFailed) || !/come back after 30 s/.test(e.message))
          appendFileSync(out, `OTHER at ${n}: ${e}\n`);
      }
    }
  } finally {
    await dev.close();
  }
}
appendFileSync(out, `done ${n}\n`);
