import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One result of the fake command: its output and its exit code. */
export interface CommandResult {
  readonly stdout?: unknown;
  readonly stderr?: string;
  readonly code?: number;
}

/**
 * Puts a program called `aws` first on this process's PATH. It records its calls, and returns the results of each
 * command ("ecs run-task") in order, the last one repeatedly.
 */
export class FakeAwsCommand {
  readonly folder = mkdtempSync(join(tmpdir(), "rates-aws-"));
  readonly #path = process.env.PATH;

  constructor(results: Readonly<Record<string, readonly CommandResult[]>>) {
    const file = (name: string) => JSON.stringify(join(this.folder, name));
    writeFileSync(join(this.folder, "results.json"), JSON.stringify(results));
    writeFileSync(
      join(this.folder, "aws"),
      `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync } = require("node:fs");
const args = process.argv.slice(2);
const command = args.slice(0, 2).join(" ");
const calls = existsSync(${file("calls")}) ? readFileSync(${file("calls")}, "utf8").trimEnd().split("\\n").map(JSON.parse) : [];
const count = calls.filter((call) => call.slice(0, 2).join(" ") === command).length;
appendFileSync(${file("calls")}, JSON.stringify(args) + "\\n");
const results = JSON.parse(readFileSync(${file("results.json")}, "utf8"))[command] ?? [{ stderr: "no response to " + command, code: 252 }];
const { stdout, stderr = "", code = 0 } = results[Math.min(count, results.length - 1)];
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

  /** Returns the calls of one command. */
  callsOf(command: string): string[][] {
    return this.calls.filter((call) => call.slice(0, 2).join(" ") === command);
  }

  remove(): void {
    process.env.PATH = this.#path;
    rmSync(this.folder, { recursive: true });
  }
}
