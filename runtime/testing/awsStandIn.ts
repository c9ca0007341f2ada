import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One answer of the stand-in: what the command prints, and its exit code. */
export interface Answer {
  readonly stdout?: unknown;
  readonly stderr?: string;
  readonly code?: number;
}

/**
 * A program called `aws` that comes first in this process's PATH: it records its calls and gives each command ("ecs run-task")
 * its answers in order, the last one again and again.
 */
export class AwsStandIn {
  readonly folder = mkdtempSync(join(tmpdir(), "rates-aws-"));
  readonly #path = process.env.PATH;

  constructor(answers: Readonly<Record<string, readonly Answer[]>>) {
    const file = (name: string) => JSON.stringify(join(this.folder, name));
    writeFileSync(join(this.folder, "answers.json"), JSON.stringify(answers));
    writeFileSync(
      join(this.folder, "aws"),
      `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync } = require("node:fs");
const args = process.argv.slice(2);
const command = args.slice(0, 2).join(" ");
const before = existsSync(${file("calls")}) ? readFileSync(${file("calls")}, "utf8").trimEnd().split("\\n").map(JSON.parse) : [];
const turn = before.filter((call) => call.slice(0, 2).join(" ") === command).length;
appendFileSync(${file("calls")}, JSON.stringify(args) + "\\n");
const answers = JSON.parse(readFileSync(${file("answers.json")}, "utf8"))[command] ?? [{ stderr: "no answer to " + command, code: 252 }];
const { stdout, stderr = "", code = 0 } = answers[Math.min(turn, answers.length - 1)];
process.stdout.write(stdout === undefined ? "" : JSON.stringify(stdout));
process.stderr.write(stderr);
process.exitCode = code;
`,
      { mode: 0o755 },
    );
    process.env.PATH = `${this.folder}:${this.#path}`;
  }

  get calls(): string[][] {
    const file = join(this.folder, "calls");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  /** The calls of one command. */
  callsOf(command: string): string[][] {
    return this.calls.filter((call) => call.slice(0, 2).join(" ") === command);
  }

  remove(): void {
    process.env.PATH = this.#path;
    rmSync(this.folder, { recursive: true });
  }
}
