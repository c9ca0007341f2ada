import { type Command, InvalidArgumentError, Option } from "commander";
import { suggestion } from "../../contract/problems.ts";
import type { Client } from "./apiClient.ts";
import { type Connection, connect } from "./connection.ts";
import type { Exit } from "./exits.ts";
import { checkJson } from "./jsonFields.ts";

/** Context that all commands share. */
export interface CliContext {
  program: Command;
  /** Says how the command ends, if not well. */
  end(exit: Exit): void;
}

/** Options of the whole, wherever they stood. */
export type GlobalOptions = Connection & { json?: string | true };

export const clientOf = (command: Command): { client: Client; json: boolean } => {
  const options = command.optsWithGlobals<GlobalOptions>();
  checkJson(command);
  return { client: connect(options), json: options.json !== undefined };
};

/** AWS region of the platform that a command reaches; undefined if neither --stack nor the environment names it. */
export async function regionOf(command: Command): Promise<string | undefined> {
  const { stack } = command.optsWithGlobals<GlobalOptions>();
  if (stack === undefined) return process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  return (await import("./stackOutputs.ts")).stackOutputs(stack).region;
}

/** For options that may be given several times. */
export const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

/** The most that a timer can wait. */
const MOST_SECONDS = 2 ** 31 / 1000 - 1;

/** A number of seconds, as --wait takes it. */
export function seconds(value: string): number {
  const number = value.trim() === "" ? Number.NaN : Number(value);
  if (!(number >= 0 && number <= MOST_SECONDS))
    throw new InvalidArgumentError(`It must be a number of seconds, at most ${Math.floor(MOST_SECONDS)}.`);
  return number;
}

/** A whole number. */
export function whole(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(value);
}

/** An option with a few choices, whatever the case they are written in. */
export const choice = (flags: string, description: string, choices: readonly string[]): Option =>
  new Option(flags, description).choices(choices).argParser((value: string) => {
    const found = choices.find((one) => one.toLowerCase() === value.toLowerCase());
    if (found !== undefined) return found;
    const near = suggestion(value.toLowerCase(), choices);
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.${near.startsWith(" Did") ? near : ""}`);
  });
