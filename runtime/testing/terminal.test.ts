import assert from "node:assert/strict";
import { inTerminal, type Step } from "./terminal.ts";

describe("a command in a pseudo terminal", () => {
  const argv = ["sh", "-c", "echo ready; read -r word; echo got $word"];
  const run = (steps: readonly Step[]) => inTerminal({ argv, cwd: "/", env: process.env, steps, seconds: 10 });

  it("receives the text of each step once the expected output is shown", async () => {
    const { output, code } = await run([{ expect: "ready", send: "word\r" }]);
    assert.match(output, /got word/);
    assert.equal(code, 0);
  });

  it("fails with its output if a step does not happen", async () => {
    const steps = [
      { expect: "ready", send: "word\r" },
      { expect: "never shown", send: "x" },
    ];
    await assert.rejects(run(steps), /^Error: 1 step did not happen \(exit 0\):\nready[\s\S]*got word/);
  });
});
