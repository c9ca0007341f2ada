import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { json, LAUNCHER, start, startFakeServer } from "../../testing/cli.ts";
import { skip } from "../../testing/cluster.ts";
import { choicesFor, linesFor, type Sources, wordsOf } from "../lib/completion.ts";
import { FILES, SHELLS, type Shell, script } from "../lib/completionScripts.ts";
import { createProgram } from "../program.ts";

const choicesNamed = (...values: string[]) => values.map((value) => ({ value, description: `about ${value}` }));
const SOURCES: Sources = {
  stacks: () => choicesNamed("dev", "prod"),
  queries: async () => choicesNamed("average_rates", "lane_coverage"),
  statements: async () => choicesNamed("purge_prices"),
  params: async (query) => (query === "average_rates" ? choicesNamed("date_from=", "date_to=") : []),
  paramValues: async (query, param, text) =>
    query === "average_rates" && param === "orig_code"
      ? placesFor(text)
      : param === "flag"
        ? choicesNamed("true", "false")
        : [],
  places: async (text) => placesFor(text),
  jobs: async () => choicesNamed("night:1", "night:2"),
};
/** Returns the places that the platform finds for a text. */
const placesFor = (text: string) =>
  text === ""
    ? [{ value: "CNSGH", description: "Shanghai", isMatch: true }]
    : [{ value: "NLRTM", description: "Rotterdam", isMatch: true }];
const choices = async (line: string) => {
  const result = await choicesFor(
    createProgram(() => undefined),
    wordsOf(line),
    SOURCES,
  );
  return result === FILES ? result : result.map(({ value }) => value);
};

describe("completion", () => {
  it("completes commands, including help, but no hidden ones", async () => {
    const all = await choices("rates ");
    for (const name of ["submit", "capacity", "completion", "help"]) assert(all.includes(name), name);
    assert(!all.includes("complete"));
    assert.deepEqual(await choices("rates su"), ["submit"]);
    assert.deepEqual(await choices("rates help cap"), ["capacity"]);
    assert.deepEqual(await choices("rates completion "), ["bash", "zsh", "fish"]);
  });

  it("completes a command's options, the global options, and their values", async () => {
    assert.deepEqual(await choices("rates list --st"), ["--status", "--stack"]);
    assert.deepEqual(await choices("rates list --status F"), ["FAILED"]);
    assert.deepEqual(await choices("rates list --status=F"), ["--status=FAILED"]);
    assert.deepEqual(await choices("rates capacity --stack "), ["dev", "prod"]);
    assert.deepEqual(await choices("rates --stack prod cap"), ["capacity"], "an option's value is not a command");
    assert.deepEqual(await choices("rates load x.csv --mode "), ["append", "replace"]);
    assert.deepEqual(await choices("rates submit --target "), ["prices", "ports", "regions"]);
    assert.deepEqual(await choices("rates submit --compression "), ["none", "gzip"]);
    assert.deepEqual(await choices("rates load x.csv --format "), ["csv", "ndjson"]);
    assert.deepEqual(await choices("rates submit --reply "), ["none", "queue"]);
    assert.equal((await choices("rates submit --priority ")).length, 10);
    assert.deepEqual(await choices("rates list --json --ty"), ["--type"], "a flag takes no value");
  });

  it("completes queries, their parameters and jobs from the platform", async () => {
    assert.deepEqual(await choices("rates query l"), ["lane_coverage"]);
    assert.deepEqual(await choices("rates query average_rates --param date_f"), ["date_from="]);
    assert.deepEqual(await choices("rates submit --query average_rates --param "), ["date_from=", "date_to="]);
    assert.deepEqual(await choices("rates submit --query=average_rates --param "), ["date_from=", "date_to="]);
    assert.deepEqual(await choices("rates submit --statement "), ["purge_prices"]);
    assert.deepEqual(await choices("rates show night:"), ["night:1", "night:2"]);
    assert.deepEqual(await choices("rates show night:1 "), []);
  });

  it("offers matching places for a place parameter, and true or false for a boolean parameter", async () => {
    for (const text of ["NL", "nlr", "rotter"]) {
      assert.deepEqual(await choices(`rates query average_rates --param orig_code=${text}`), ["orig_code=NLRTM"]);
      assert.deepEqual(await choices(`rates query average_rates --param=orig_code=${text}`), [
        "--param=orig_code=NLRTM",
      ]);
    }
    assert.deepEqual(await choices("rates submit --query average_rates --param orig_code=NL"), ["orig_code=NLRTM"]);
    assert.deepEqual(await choices("rates query average_rates --param orig_code="), ["orig_code=CNSGH"]);
    assert.deepEqual(await choices("rates places "), ["CNSGH"]);
    assert.deepEqual(await choices("rates query other --param flag=t"), ["flag=true"]);
    assert.deepEqual(await choices("rates query average_rates --param date_from=2"), []);
    assert.deepEqual(await choices("rates places rott"), ["NLRTM"]);
  });

  it("completes job ids only where a job is expected", async () => {
    const program = createProgram(() => undefined);
    program.command("key").command("end").argument("<id>");
    assert.deepEqual(await choicesFor(program, wordsOf("rates key end "), SOURCES), []);
    assert.deepEqual(await choicesFor(program, wordsOf("rates key e"), SOURCES), [{ value: "end", description: "" }]);
  });

  it("leaves files to the shell", async () => {
    for (const line of ["rates load ", "rates load pri", "rates query q --output ", "rates submit --items "])
      assert.equal(await choices(line), FILES, line);
    assert.deepEqual(await choices("rates list --profile "), [], "the name of a profile is not a file");
  });

  it("splits a line like a shell, without evaluating it", () => {
    assert.deepEqual(wordsOf('rates  list --text \'two words\' "a\\"b" c\\ d'), [
      "rates",
      "list",
      "--text",
      "two words",
      'a"b',
      "c d",
    ]);
    assert.deepEqual(wordsOf("rates "), ["rates", ""]);
    assert.deepEqual(wordsOf("rates show 'unfinished wo"), ["rates", "show", "unfinished wo"]);
    assert.deepEqual(wordsOf("rates show $(touch x) `y` "), ["rates", "show", "$(touch", "x)", "`y`", ""]);
  });

  it("formats choices for each shell", () => {
    const jobs = choicesNamed("night:1");
    assert.deepEqual(linesFor("bash", "night:", jobs), ["1"], "bash replaces only the text after the colon");
    assert.deepEqual(linesFor("bash", "--status=F", [{ value: "--status=FAILED" }]), ["FAILED"]);
    const place = [{ value: "orig_code=NLRTM" }];
    assert.deepEqual(linesFor("bash", "rates query q --param orig_code=N", place), ["NLRTM"]);
    assert.deepEqual(linesFor("bash", 'rates query q --param "orig_code=N', place), ["orig_code=NLRTM"], "quoted");
    assert.deepEqual(linesFor("bash", 'rates query q --param orig_code="N', place), ["NLRTM"]);
    assert.deepEqual(linesFor("zsh", "n", jobs), ["night\\:1:about night:1"]);
    assert.deepEqual(linesFor("fish", "n", jobs), ["night:1\tabout night:1"]);
    assert.deepEqual(linesFor("zsh", "", FILES), [FILES]);
  });
});

describe("completion in real shells", () => {
  let directory = "";
  let api: Awaited<ReturnType<typeof startFakeServer>>;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "rates completion "));
    writeFileSync(join(directory, "prices 2021.csv"), "");
    api = await startFakeServer((call) =>
      json(
        call,
        call.requestLine.startsWith("GET /jobs") ? { jobs: [{ requestId: "night:1", status: "FAILED" }] } : {},
      ),
    );
    for (const shell of SHELLS) writeFileSync(join(directory, shell), script(shell, [process.execPath, LAUNCHER]));
  });
  after(() => {
    api.close();
    rmSync(directory, { recursive: true });
  });
  const isInstalled = (shell: Shell) => spawnSync(shell, ["-c", "exit 0"]).status === 0;
  /** Runs a shell without personal settings; asynchronously, because the API runs in this process. */
  const run = async (shell: Shell, code: string): Promise<string[]> => {
    const args = { bash: ["--norc"], zsh: ["-f"], fish: ["--no-config"] }[shell];
    const env = { PATH: process.env.PATH, HOME: directory, ...api.env };
    const { stdout } = await promisify(execFile)(shell, [...args, "-c", code], { cwd: directory, env });
    return stdout.split("\n").filter((line) => line !== "");
  };
  /** Returns the completions of TAB at the end of a line. */
  const tab: Record<Shell, (words: string[]) => Promise<string[]>> = {
    bash: (words) =>
      run(
        "bash",
        `. ./bash; complete -p rates >/dev/null || exit 9
         COMP_LINE='${words.join(" ")}'; COMP_POINT=\${#COMP_LINE}
         COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
         _rates; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ),
    zsh: (words) =>
      run(
        "zsh",
        `compdef() { [[ $2 == rates ]] || exit 9 }
         _describe() { print -rl -- "\${(@P)2}" }; _files() { print -rl -- *.csv }
         . ./zsh; words=(${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length}; _rates; true`,
      ),
    fish: (words) => run("fish", `source ./fish; complete -C '${words.join(" ")}'`),
  };
  const EXPECTED_LINE: Record<Shell, (value: string, description: string) => string> = {
    bash: (value) => value,
    zsh: (value, about) => `${value.replaceAll(":", "\\:")}:${about}`,
    fish: (value, about) => `${value}\t${about}`,
  };

  for (const shell of SHELLS)
    describe(shell, function () {
      this.timeout(60_000);
      before(function () {
        if (!isInstalled(shell)) skip(this, `there is no ${shell} command`);
      });

      it("accepts the script", () => {
        execFileSync(shell, ["-n", join(directory, shell)]);
      });

      it("offers commands, the platform's jobs, and files", async () => {
        assert.deepEqual(await tab[shell](["rates", "cap"]), [
          EXPECTED_LINE[shell](
            "capacity",
            "Show how many runs fit a stack, what limits them, and how long a burst of jobs takes",
          ),
        ]);
        assert.deepEqual(await tab[shell](["rates", "show", "nig"]), [EXPECTED_LINE[shell]("night:1", "FAILED")]);
        const [file = ""] = await tab[shell](["rates", "load", "pri"]);
        assert.equal(file.replaceAll("\\", ""), "prices 2021.csv");
      });

      it("does not run anything in the line", async () => {
        await tab[shell](["rates", "show", "$(>evil)", "`>evil`", "x"]);
        assert(!existsSync(join(directory, "evil")));
      });
    });

  it("prints the script of each shell, and refuses other shells", async () => {
    for (const shell of SHELLS) {
      const { code, stdout } = await start(["completion", shell], {}).ended;
      assert.deepEqual([code, stdout], [0, script(shell, [process.execPath, LAUNCHER])]);
    }
    assert.equal((await start(["completion", "tcsh"], {}).ended).code, 2);
  });

  it("offers the jobs of the platform that the line selects, in both forms of an option", async () => {
    const other = await startFakeServer((call) => json(call, { jobs: [{ requestId: "other:1", status: "FAILED" }] }));
    const offered = async (options: string) =>
      (await start(["complete", "bash", `rates ${options} show `], api.env).ended).stdout.trim();
    try {
      for (const separator of [" ", "="]) {
        assert.equal(await offered(`--api${separator}${other.url}`), "other:1");
        assert.equal(await offered(`--stack${separator}prod`), "", "its API is not known in time");
      }
    } finally {
      other.close();
    }
  });

  it("offers nothing and shows no error if the platform does not respond", async () => {
    const { code, stdout } = await start(["complete", "bash", "rates show "], {
      RATES_API: "http://127.0.0.1:1",
      RATES_TOKEN: "x",
    }).ended;
    assert.deepEqual([code, stdout.trim()], [0, ""]);
  });
});
