import { spawn } from "node:child_process";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { counted } from "../contract/counted.ts";

const PROGRAM = fileURLToPath(new URL("terminal.py", import.meta.url));

/** Text to type once new output matches a pattern. */
export interface Step {
  /** Regular expression in Python's syntax. */
  expect: string;
  send: string;
}

/** A command in a pseudo terminal. */
export interface TerminalRun {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  steps?: readonly Step[];
  columns?: number;
  rows?: number;
  /** Time limit; the command is killed after it. */
  seconds?: number;
}

/** Outcome of a command in a pseudo terminal. */
export interface TerminalOutcome {
  /** Everything shown, control sequences included. */
  output: string;
  /** Exit code, or minus the number of the signal. */
  code: number;
  /** Number of steps that did not happen. */
  remaining: number;
}

/**
 * Runs a command in a pseudo terminal and types each step's text once the expected output is shown.
 * @throws Error with the output if a step did not happen
 */
export async function inTerminal(run: TerminalRun): Promise<TerminalOutcome> {
  const child = spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ columns: 90, rows: 24, steps: [], seconds: 50, ...run }));
  const outcome = (await json(child.stdout)) as TerminalOutcome;
  if (outcome.remaining !== 0)
    throw new Error(`${counted(outcome.remaining, "step")} did not happen (exit ${outcome.code}):\n${outcome.output}`);
  return outcome;
}
