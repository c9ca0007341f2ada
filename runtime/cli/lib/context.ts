import { type Command, InvalidArgumentError, Option } from "commander";
import { suggestion } from "../../contract/problems.ts";
import type { Client } from "./apiClient.ts";
import { type Connection, connect } from "./connection.ts";
import type { Exit } from "./exits.ts";

/** Context that all commands share. */
export interface CliContext {
  program: Command;
  /** Sets the exit code. */
  end(exit: Exit): void;
}

/** Global options, before or after the command's name. */
export type GlobalOptions = Connection & { json?: string | true };

/** Returns the client of the platform that a command's options select; `json` is true if --json is given. */
export const clientOf = (command: Command): { client: Client; json: boolean } => {
  const options = command.optsWithGlobals<GlobalOptions>();
  return { client: connect(options), json: options.json !== undefined };
};

/** Returns the AWS region of the selected stack or, without --stack, the environment's; undefined if it has none. */
export async function regionOf(command: Command): Promise<string | undefined> {
  const { stack } = command.optsWithGlobals<GlobalOptions>();
  if (stack === undefined) return process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  return (await import("./stackOutputs.ts")).stackOutputs(stack).region;
}

/** Collects the values of a repeatable option. */
export const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

/** Maximum delay of a timer, in seconds. */
const MAX_SECONDS = 2 ** 31 / 1000 - 1;

/** Parses a number of seconds. */
export function seconds(value: string): number {
  const number = value.trim() === "" ? Number.NaN : Number(value);
  if (!(number >= 0 && number <= MAX_SECONDS))
    throw new InvalidArgumentError(`It must be a number of seconds, at most ${Math.floor(MAX_SECONDS)}.`);
  return number;
}

/** Parses a whole number. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("It must be a whole number of at most 15 digits.");
  return Number(value);
}

/** Creates a case-insensitive option with fixed choices. */
export const choice = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices).argParser((value: string) => {
    const match = choices.find((allowed) => allowed.toLowerCase() === value.toLowerCase());
    if (match !== undefined) return match;
    const hint = suggestion(
      value.toLowerCase(),
      choices.map((allowed) => allowed.toLowerCase()),
    );
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.${hint.startsWith(" Did") ? hint : ""}`);
  });
