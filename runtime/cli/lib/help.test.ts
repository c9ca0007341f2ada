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

/** The calls of `rates` in a line of shell, as lists of words. */
const callsIn = (example: string): string[][] =>
  example
    .replaceAll("\\\n", " ")
    .replace(/ {2,}#.*$/, "")
    .split(/ (?:&&|\|) /)
    .filter((one) => one.startsWith("rates "))
    .map((one) =>
      [...one.replace(/ 2?>>? \S+/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
        ([, double, single, bare]) => double ?? single ?? bare ?? "",
      ),
    );

describe("help", () => {
  it("has a description and examples for every command, none wider than a terminal", () => {
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
      for (const [, ...words] of callsIn(example)) {
        let command = program();
        const global = command.parseOptions(words);
        let rest = [...global.operands, ...global.unknown];
        for (;;) {
          const next = command.commands.find((one) => one.name() === rest[0]);
          if (!next) break;
          command = next;
          rest = rest.slice(1);
        }
        assert(command.parent, `${example}: no such command`);
        const { operands, unknown } = command.parseOptions(rest);
        assert.deepEqual(unknown, [], example);
        const { registeredArguments: taken } = command;
        assert(operands.length >= taken.filter(({ required }) => required).length, `${example}: too few arguments`);
        assert(taken.some(({ variadic }) => variadic) || operands.length <= taken.length, `${example}: too many`);
      }
  });

  it("lists every command under the heading of its group", () => {
    const text = program().helpInformation();
    for (const heading of ["Submit:", "Jobs:", "Platform:"]) assert.match(text, new RegExp(`^${heading}$`, "m"));
    assert.doesNotMatch(text, /^Commands:$/m, "a command without a group");
  });

  it("has colors on request, and none with NO_COLOR or in a pipe", async () => {
    const bold = "\u001b[1m";
    const help = async (env: Record<string, string>) => (await start(["list", "--help"], env).ended).stdout;
    assert(!(await help({})).includes(bold), "a pipe");
    assert((await help({ FORCE_COLOR: "1" })).includes(bold));
    assert(!(await help({ NO_COLOR: "1" })).includes(bold));
  });

  it("names the next step after a mistake, without the whole help", async () => {
    const { stderr } = await start(["list", "--nonsense"], {}).ended;
    assert.match(stderr, /unknown option '--nonsense'/);
    assert.match(stderr, /rates COMMAND --help/);
    assert(stderr.split("\n").length < 6, stderr);
  });
});
