import assert from "node:assert/strict";
import type { Command } from "commander";
import { start } from "../../testing/cli.ts";
import { createProgram } from "../program.ts";
import { commandsOf, examplesOf, formatExample } from "./help.ts";

const program = () => createProgram(() => undefined);
const pathOf = (command: Command): string[] => (command.parent ? [...pathOf(command.parent), command.name()] : []);
const isShown = (command: Command) =>
  command.commands.length === 0 && command.parent?.createHelp().visibleCommands(command.parent).includes(command);
const COLUMNS = 80;

/** Returns the `rates` commands in a shell line, as lists of words. */
const commandsIn = (example: string): string[][] =>
  example
    .replaceAll("\\\n", " ")
    .replace(/ {2,}#.*$/, "")
    .split(/ (?:&&|\|) /)
    .filter((command) => command.startsWith("rates "))
    .map((command) =>
      [...command.replace(/ 2?>>? \S+/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
        ([, double, single, bare]) => double ?? single ?? bare ?? "",
      ),
    );

describe("help", () => {
  it("has a description, and examples of at most 80 columns, for every command without subcommands", () => {
    for (const command of commandsOf(program()).filter(isShown)) {
      const name = pathOf(command).join(" ");
      assert(command.description().length > 10, name);
      assert(examplesOf(command).length > 0, `${name} has no examples`);
      for (const line of examplesOf(command).flatMap(formatExample))
        assert(line.length <= COLUMNS, `${name}: ${line.length} columns: ${line}`);
    }
  });

  it("shows examples with existing commands, options and arguments", () => {
    const all = program();
    const examples = [all, ...commandsOf(all)].flatMap((command) => examplesOf(command));
    for (const example of examples)
      for (const [, ...words] of commandsIn(example)) {
        let command = program();
        const global = command.parseOptions(words);
        let rest = [...global.operands, ...global.unknown];
        for (;;) {
          const next = command.commands.find((subcommand) => subcommand.name() === rest[0]);
          if (!next) break;
          command = next;
          rest = rest.slice(1);
        }
        assert(command.parent, `${example}: no such command`);
        const { operands, unknown } = command.parseOptions(rest);
        assert.deepEqual(unknown, [], example);
        const { registeredArguments } = command;
        assert(
          operands.length >= registeredArguments.filter(({ required }) => required).length,
          `${example}: too few arguments`,
        );
        assert(
          registeredArguments.some(({ variadic }) => variadic) || operands.length <= registeredArguments.length,
          `${example}: too many arguments`,
        );
      }
  });

  it("lists every command under the heading of its group", () => {
    const text = program().helpInformation();
    for (const heading of ["Submit:", "Jobs:", "Platform:", "Shell:"])
      assert.match(text, new RegExp(`^${heading}$`, "m"));
    assert.doesNotMatch(text, /^Commands:$/m, "a command without a group");
  });

  it("has colours with FORCE_COLOR, and none with NO_COLOR or in a pipe", async () => {
    const bold = "\u001b[1m";
    const help = async (env: Record<string, string>) => (await start(["list", "--help"], env).ended).stdout;
    assert(!(await help({})).includes(bold), "a pipe");
    assert((await help({ FORCE_COLOR: "1" })).includes(bold));
    assert(!(await help({ NO_COLOR: "1" })).includes(bold));
  });

  it("names the next step after an invalid option, without the whole help", async () => {
    const { stderr } = await start(["list", "--nonsense"], {}).ended;
    assert.match(stderr, /unknown option '--nonsense'/);
    assert.match(stderr, /rates COMMAND --help/);
    assert(stderr.split("\n").length < 6, stderr);
  });
});
