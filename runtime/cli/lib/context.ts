import { type Command, InvalidArgumentError, Option } from "commander";
import { suggestion } from "../../contract/problems.ts";
import type { Client } from "./apiClient.ts";
import { type Connection, connect } from "./connection.ts";
import type { Exit } from "./exits.ts";
import { checkJson } from "./jsonFields.ts";

/** Context that all commands share. */
export interface CliContext {
  program: Command;
  /** Sets the exit code. */
  end(exit: Exit): void;
}

/** Global options, at any position. */
export type GlobalOptions = Connection & { json?: string | true };

export const clientOf = (command: Command): { client: Client; json: boolean } => {
  const options = command.optsWithGlobals<GlobalOptions>();
  checkJson(command);
  return { client: connect(options), json: options.json !== undefined };
};

/** Returns the AWS region of the selected platform; undefined if neither --stack nor the environment names it. */
export async function regionOf(command: Command): Promise<string | undefined> {
  const { stack } = command.optsWithGlobals<GlobalOptions>();
  if (stack === undefined) return process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  return (await import("./stackOutputs.ts")).stackOutputs(stack).region;
}

/** Collects a repeatable option. */
export const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

/** Maximum delay of a timer. Seconds. */
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
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(value);
}

/** Creates a case-insensitive option with fixed choices. */
export const choice = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices).argParser((value: string) => {
    const found = choices.find((allowed) => allowed.toLowerCase() === value.toLowerCase());
    if (found !== undefined) return found;
    const near = suggestion(value.toLowerCase(), choices);
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.${near.startsWith(" Did") ? near : ""}`);
  });
