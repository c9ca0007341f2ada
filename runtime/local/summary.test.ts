import assert from "node:assert/strict";
import { localPlan } from "./plan.ts";
import type { PlatformFile } from "./platformFile.ts";
import { summary } from "./summary.ts";

describe("the output of npm start", () => {
  const text = (dataDir: string) =>
    summary(
      {
        file: { api: "http://127.0.0.1:3000" } as PlatformFile,
        example: undefined,
        signIn: { link: "http://127.0.0.1:3000/dashboard#/sign-in/x", minutes: 10 },
      },
      { dataDir, plan: localPlan("dev"), seconds: 1 },
    );

  it("has commands that can be pasted into a shell, for any data directory", () => {
    assert.match(text("/data/a b"), /npx rates --data-dir '\/data\/a b' load FILE\.csv/);
    assert.match(text("/data/a"), /npx rates --data-dir \/data\/a load FILE\.csv/);
    assert.match(text(`${process.cwd()}/.local`), /npx rates load FILE\.csv/);
  });
});
