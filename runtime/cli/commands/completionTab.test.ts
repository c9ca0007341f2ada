import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Call, json, LAUNCHER, start, startFakeServer } from "../../testing/cli.ts";
import { skip } from "../../testing/cluster.ts";
import { inTerminal } from "../../testing/terminal.ts";
import { SHELLS, type Shell, script } from "../lib/completionScripts.ts";

const PLACES = [
  { code: "NLAMS", name: "Amsterdam", kind: "port" },
  { code: "NLRTM", name: "Rotterdam", kind: "port" },
  { code: "north_europe_main", name: "North Europe Main", kind: "region" },
];
const PARAMS = [
  { name: "orig_code", type: "place", description: "origin" },
  { name: "date_from", type: "date", description: "first day" },
];

/** Arguments that start each shell without personal settings, and the line that loads the script. */
const SHELL = {
  bash: { args: ["--norc", "--noprofile"], load: ". ./bash", isPosix: true },
  zsh: { args: ["-f"], load: "autoload -U compinit; compinit -u -D; . ./zsh", isPosix: true },
  fish: { args: ["--no-config"], load: "source ./fish", isPosix: false },
} as const;

describe("TAB after a place parameter", () => {
  let directory = "";
  let api: Awaited<ReturnType<typeof startFakeServer>>;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "rates-tab-"));
    api = await startFakeServer((call: Call) => {
      if (!call.requestLine.startsWith("GET /places"))
        return json(call, { queries: [{ name: "average_rates", description: "d", params: PARAMS }], statements: [] });
      const text =
        new URL(call.requestLine.slice("GET ".length), "http://x").searchParams.get("text")?.toLowerCase() ?? "";
      return json(call, {
        places: PLACES.filter(({ code, name }) => `${code} ${name}`.toLowerCase().includes(text)),
      });
    });
    for (const shell of SHELLS) writeFileSync(join(directory, shell), script(shell, [process.execPath, LAUNCHER]));
  });
  after(() => {
    api.close();
    rmSync(directory, { recursive: true });
  });

  /** Types each line and a TAB into an interactive shell, and runs the line once the shell has completed it. */
  async function typeLines(
    shell: Shell,
    lines: readonly { line: string; shows: string }[],
    env = api.env,
  ): Promise<string> {
    const { args, load, isPosix } = SHELL[shell];
    const show = isPosix
      ? `rates() { printf '[%s]' "$@"; echo; }`
      : "function rates; printf '[%s]' $argv; echo; end; function fish_prompt; echo '$ '; end";
    const { output } = await inTerminal({
      // READY shows that the terminal exists, so that typing can begin.
      argv: ["sh", "-c", `echo READY; exec ${shell} ${args.join(" ")}`],
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: directory, TERM: "xterm", PS1: "$ ", ...env },
      columns: 120,
      steps: [
        { expect: "READY", send: `${load}; ${show}; echo LOAD''ED\n` },
        ...lines.flatMap(({ line, shows }, index) => [
          { expect: index === 0 ? "LOADED" : "\\[average_rates\\]", send: `rates query average_rates ${line}\t` },
          { expect: shows, send: "\n" },
        ]),
        { expect: "\\[average_rates\\]", send: "exit\n" },
      ],
    });
    return output;
  }

  for (const shell of SHELLS)
    it(`completes a place by its code in upper or lower case in ${shell}`, async function () {
      if (spawnSync(shell, ["-c", "exit 0"]).status !== 0) skip(this, `there is no ${shell} command`);
      this.timeout(60_000);
      const output = await typeLines(shell, [
        { line: "--param orig_code=NLR", shows: "NLRTM" },
        { line: "--param orig_code=nlr", shows: "NLRTM" },
        { line: "--param=orig_code=north", shows: "north_europe_main" },
        // fish itself leaves out choices that do not contain the typed word.
        ...(shell === "fish" ? [] : [{ line: "--param orig_code=rotter", shows: "NLRTM" }]),
        ...(shell === "bash" ? [{ line: '--param "orig_code=NLR', shows: 'NLRTM"' }] : []),
      ]);
      const completed = output.matchAll(/\[--param\]\[orig_code=(\w+)\]|\[--param=orig_code=(\w+)\]/g);
      const codes = [...completed].map(([, value, joined]) => value ?? joined);
      const expected = ["NLRTM", "NLRTM", "north_europe_main", "NLRTM", "NLRTM"];
      assert.deepEqual(codes, expected.slice(0, codes.length), output);
      assert.equal(codes.length, { bash: 5, zsh: 4, fish: 3 }[shell], output);
    });

  it("offers places for an empty value", async () => {
    const line = "rates query average_rates --param orig_code=";
    const { code, stdout } = await start(["complete", "fish", line], api.env).ended;
    assert.deepEqual(
      [
        code,
        stdout
          .trim()
          .split("\n")
          .map((choice) => choice.split("\t")[0]),
      ],
      [0, PLACES.map(({ code }) => `orig_code=${code}`)],
    );
  });

  it("offers nothing and shows no error if the platform does not respond", async function () {
    this.timeout(60_000);
    const output = await typeLines("bash", [{ line: "--param orig_code=NLR", shows: "orig_code=NLR" }], {
      RATES_API: "http://127.0.0.1:1",
      RATES_TOKEN: "x",
    });
    assert.match(output, /\[--param\]\[orig_code=NLR\]/);
    assert.doesNotMatch(output, /does not respond|Error/);
  });

  it("offers nothing if the platform is too slow", async function () {
    this.timeout(60_000);
    const slow = await startFakeServer(() => undefined);
    try {
      const line = "rates query average_rates --param orig_code=NL";
      const { code, stdout } = await start(["complete", "bash", line], slow.env).ended;
      assert.deepEqual([code, stdout.trim()], [0, ""]);
    } finally {
      slow.close();
    }
  });
});
