import { fileURLToPath } from "node:url";
import { Argument } from "commander";
import { CLONE } from "../lib/clone.ts";
import type { Choice, OptionValues, Sources } from "../lib/completion.ts";
import { SHELLS, type Shell, script } from "../lib/completionScripts.ts";
import { connect } from "../lib/connection.ts";
import type { CliContext } from "../lib/context.ts";
import type { JobDocument } from "../lib/events.ts";
import { examples } from "../lib/help.ts";
import type { Queries } from "../lib/params.ts";
import { print } from "../lib/screen.ts";

type Param = Queries["queries"][number]["params"][number];

/** Program that the completion script runs: the clone's launcher, or the installed command. */
const LAUNCHER =
  CLONE === undefined ? (process.argv[1] ?? "rates") : fileURLToPath(new URL("../rates.mjs", import.meta.url));
/** Time limit for the requests of one TAB, in milliseconds. Values that arrive later are not offered. */
const DEADLINE_MS = 1_500;
/** Maximum number of offered jobs; the newest are offered. */
const MAX_JOBS = 30;
/** Maximum number of offered places. */
const MAX_PLACES = 50;
/** Maximum length of a text to search for, in characters. */
const MAX_TEXT_LENGTH = 100;

interface Place {
  code: string;
  name: string;
  kind: string;
}

/**
 * Converts the places that the API found for a text to choices. If codes begin with the text, only their places are
 * offered.
 */
function placeChoices(text: string, places: readonly Place[]): Choice[] {
  const matchingByCode = places.filter(({ code }) => code.toLowerCase().startsWith(text.toLowerCase()));
  return (matchingByCode.length > 0 ? matchingByCode : places).map(({ code, name, kind }) => ({
    value: code,
    description: kind === "region" ? `${name}, a region` : name,
    isMatch: true,
  }));
}

/** `rates completion SHELL`, and the hidden command `complete` that its script runs at each TAB. */
export function completionCommand({ program }: CliContext): void {
  examples(
    program.command("completion").addArgument(new Argument("<shell>", "shell to print the script for").choices(SHELLS)),
    `eval "$(rates completion bash)"   # in ~/.bashrc`,
    `eval "$(rates completion zsh)"   # in ~/.zshrc, after compinit`,
    "rates completion fish > ~/.config/fish/completions/rates.fish",
  )
    .description(
      "Print a script that completes commands, options, queries, places, stacks and jobs in bash, zsh or fish",
    )
    .action((shell: Shell) => print(script(shell, [process.execPath, LAUNCHER])));

  program
    .command("complete", { hidden: true })
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .argument("<line>", "up to the cursor")
    .action(async (shell: Shell, line: string) => {
      const { choicesFor, linesFor, parseWords, wordsOf } = await import("../lib/completion.ts");
      const words = wordsOf(line);
      const choices = await choicesFor(program, words, sourcesOf(parseWords(program, words).values));
      print(linesFor(shell, line, choices).join("\n"));
    });
}

/**
 * Creates sources that query the platform which the line's options select. Without a timely response they return no
 * choices.
 */
function sourcesOf(options: OptionValues): Sources {
  // All requests of one TAB share a time limit.
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const fetchJson = async <T>(path: string, choices: (response: T) => Choice[]): Promise<Choice[]> => {
    // `pulumi stack output` takes longer than the time limit.
    if (options.stack !== undefined) return [];
    try {
      const client = connect(options);
      const tenant = client.tenant === undefined ? "" : `&${new URLSearchParams({ tenant: client.tenant })}`;
      return choices(await client.json<T>("GET", path.includes("?") ? path + tenant : path, undefined, signal));
    } catch {
      return [];
    }
  };
  const namesOf = (kind: keyof Queries) => () =>
    fetchJson<Queries>("/queries", (all) => all[kind].map(({ name, description }) => ({ value: name, description })));
  const params = (name: string, choices: (params: readonly Param[]) => Choice[]) =>
    fetchJson<Queries>("/queries", ({ queries, statements }) =>
      choices([...queries, ...statements].find((candidate) => candidate.name === name)?.params ?? []),
    );
  const places = async (text: string) =>
    text.length > MAX_TEXT_LENGTH
      ? []
      : fetchJson<{ places: Place[] }>(
          `/places?${new URLSearchParams({ text, limit: String(MAX_PLACES) })}`,
          (response) => placeChoices(text, response.places),
        );
  return {
    stacks: async () => (await import("../lib/stackFile.ts")).stacksOf().map((value) => ({ value })),
    queries: namesOf("queries"),
    statements: namesOf("statements"),
    params: (name) =>
      params(name, (all) => all.map((param) => ({ value: `${param.name}=`, description: param.description }))),
    paramValues: async (name, param, text) => {
      let type: Param["type"] | undefined;
      // Both requests run concurrently, since in sequence they may exceed the time limit.
      const [, foundPlaces] = await Promise.all([
        params(name, (all) => {
          type = all.find((candidate) => candidate.name === param)?.type;
          return [];
        }),
        places(text),
      ]);
      if (type === "boolean") return [{ value: "true" }, { value: "false" }];
      return type === "place" ? foundPlaces : [];
    },
    places,
    jobs: () =>
      fetchJson<{ jobs: JobDocument[] }>(`/jobs?limit=${MAX_JOBS}`, ({ jobs }) =>
        jobs.map(({ requestId, status }) => ({ value: requestId, description: status })),
      ),
  };
}
