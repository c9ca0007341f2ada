import type { Command } from "commander";
import { type Client, type Connection, connect } from "./client.ts";
import type { Exit } from "./exits.ts";

/** What the commands share. */
export interface CliContext {
  program: Command;
  /** Says how the command ends, if not well. */
  end(exit: Exit): void;
}

/** Options of the whole, wherever they stood. */
export type GlobalOptions = Connection & { json?: boolean };

export const clientOf = (command: Command): { client: Client; json: boolean } => {
  const options = command.optsWithGlobals<GlobalOptions>();
  return { client: connect(options), json: options.json === true };
};

/** For options that may be given several times. */
export const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

/** Seconds of --wait. */
export const seconds = (value: string | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);
