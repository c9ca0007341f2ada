import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import { CLONE } from "../lib/clone.ts";
import type { Choice, Sources } from "../lib/completion.ts";
import { SHELLS, type Shell, script } from "../lib/completionScripts.ts";
import { type Connection, connect } from "../lib/connection.ts";
import type { CliContext } from "../lib/context.ts";
import type { JobDocument } from "../lib/events.ts";
import { examples } from "../lib/help.ts";
import type { Queries } from "../lib/params.ts";
import { print } from "../lib/screen.ts";

type Param = Queries["queries"][number]["params"][number];

/** Program that the completion script runs: the clone's launcher, or the installed command. */
const LAUNCHER =
  CLONE === undefined ? (process.argv[1] ?? "rates") : fileURLToPath(new URL("../rates.mjs", import.meta.url));
/** Deadline of one TAB; values from the platform are left out after it. Milliseconds. */
const DEADLINE_MS = 1_500;
/** Maximum number of offered jobs (the newest) and places. */
const MAX_JOBS = 30;
const MAX_PLACES = 50;
/** Maximum length of a searched text. Characters. */
const MAX_TEXT = 100;

interface Place {
  code: string;
  name: string;
  kind: string;
}

/**
 * Converts the places that the API found for a text to choices: places whose code begins with it, otherwise those found
 * by name.
 */
function placeChoices(text: string, places: readonly Place[]): Choice[] {
  const begins = places.filter(({ code }) => code.toLowerCase().startsWith(text.toLowerCase()));
  return (begins.length > 0 ? begins : places).map(({ code, name, kind }) => ({
    value: code,
    about: kind === "region" ? `${name}, a region` : name,
    isFitting: true,
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
      const { choicesFor, linesFor, wordsOf } = await import("../lib/completion.ts");
      const words = wordsOf(line);
      const choices = await choicesFor(program, words, await sourcesOf(program, words));
      print(linesFor(shell, line, choices).join("\n"));
    });
}

/** Queries the platform that the line names; returns no choices if it does not answer in time. */
async function sourcesOf(program: Command, words: readonly string[]): Promise<Sources> {
  // One deadline for all requests of one TAB.
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const fetchJson = async <T>(path: string, choices: (answer: T) => Choice[]): Promise<Choice[]> => {
    // `pulumi stack output` takes longer than the deadline.
    if (words.includes("--stack")) return [];
    try {
      const client = connect(connectionIn(program, words));
      const tenant = client.tenant === undefined ? "" : `&${new URLSearchParams({ tenant: client.tenant })}`;
      return choices(await client.json<T>("GET", path.includes("?") ? path + tenant : path, undefined, signal));
    } catch {
      return [];
    }
  };
  const named = (kind: keyof Queries) => () =>
    fetchJson<Queries>("/queries", (all) =>
      all[kind].map(({ name, description }) => ({ value: name, about: description })),
    );
  const params = (name: string, choices: (params: readonly Param[]) => Choice[]) =>
    fetchJson<Queries>("/queries", ({ queries, statements }) =>
      choices([...queries, ...statements].find((candidate) => candidate.name === name)?.params ?? []),
    );
  const places = async (text: string) =>
    text.length > MAX_TEXT
      ? []
      : fetchJson<{ places: Place[] }>(
          `/places?${new URLSearchParams({ text, limit: String(MAX_PLACES) })}`,
          (answer) => placeChoices(text, answer.places),
        );
  return {
    stacks: async () => (await import("../lib/stackFile.ts")).stacksOf().map((value) => ({ value })),
    queries: named("queries"),
    statements: named("statements"),
    params: (name) =>
      params(name, (all) => all.map((param) => ({ value: `${param.name}=`, about: param.description }))),
    paramValues: async (name, param, text) => {
      let type: Param["type"] | undefined;
      // Concurrently, since two sequential requests may exceed the deadline.
      const [, found] = await Promise.all([
        params(name, (all) => {
          type = all.find((candidate) => candidate.name === param)?.type;
          return [];
        }),
        places(text),
      ]);
      if (type === "boolean") return [{ value: "true" }, { value: "false" }];
      return type === "place" ? found : [];
    },
    places,
    jobs: () =>
      fetchJson<{ jobs: JobDocument[] }>(`/jobs?limit=${MAX_JOBS}`, ({ jobs }) =>
        jobs.map(({ requestId, status }) => ({ value: requestId, about: status })),
      ),
  };
}

/** Returns the connection options in the line. */
function connectionIn(program: Command, words: readonly string[]): Connection {
  return Object.fromEntries(
    program.options.flatMap((option) => {
      const at = words.lastIndexOf(option.long ?? "");
      const value = at < 0 ? undefined : words[at + 1];
      return option.required && value !== undefined && at < words.length - 2 ? [[option.attributeName(), value]] : [];
    }),
  );
}
