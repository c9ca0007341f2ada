import assert from "node:assert/strict";
import type { Phase } from "../../monitoring/timeline.ts";
import { phaseLines } from "./phases.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + 1_000 * seconds).toISOString();
const PHASES: Phase[] = [
  { phase: "waiting", from: at(0), to: at(10) },
  { phase: "starting", from: at(10), to: at(20), attempt: 1, runner: "ec2" },
  { phase: "running", from: at(20), to: at(30), attempt: 1, runner: "ec2", outcome: "RunnerLost" },
  { phase: "waiting", from: at(30), to: at(35) },
  { phase: "running", from: at(35), to: at(40), attempt: 2, runner: "ec2", outcome: "SUCCEEDED" },
  { phase: "responding", from: at(40), to: at(40) },
];

describe("the phases of a job in a terminal", () => {
  it("have bars on one time scale, with attempts and the outcomes of failed ones", () => {
    assert.deepEqual(phaseLines(PHASES, true, 100), [
      "  waiting          10.0 s  ██████████",
      "  starting         10.0 s            ██████████                      ec2, attempt 1",
      "  running          10.0 s                      ██████████            ec2, attempt 1, RunnerLost",
      "  waiting           5.0 s                                █████",
      "  running           5.0 s                                     █████  ec2, attempt 2",
      "  responding         0 ms                                         █",
    ]);
  });

  it("last until now if they have not ended, and have shorter bars in a narrow terminal", () => {
    const [waiting, running] = phaseLines(
      [
        { phase: "waiting", from: at(0), to: at(1) },
        { phase: "running", from: at(1), attempt: 1, runner: "glue" },
      ],
      true,
      40,
      Date.parse(at(100)),
    );
    assert.equal(waiting, "  waiting           1.0 s  █");
    assert.equal(running, "  running      1 min 39 s  ▒▒▒▒▒▒▒▒▒▒  glue, attempt 1, until now");
  });

  it("leave out the response if none is sent, and have no lines before the first phase", () => {
    const ended: Phase[] = [
      { phase: "waiting", from: at(0), to: at(0) },
      { phase: "responding", from: at(0) },
    ];
    assert.equal(phaseLines(ended, false, 80).length, 1);
    assert.equal(phaseLines(ended, true, 80, Date.parse(at(1))).length, 2);
    assert.deepEqual(phaseLines([], true, 80), []);
  });
});
