import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Type from "typebox";
import Value from "typebox/value";
import { freePort, portProblem } from "./ports.ts";

const Ports = Type.Object({ postgres: Type.Integer(), aws: Type.Integer() });

/** Ports of a data directory's platform, in addition to the API's. */
export type SavedPorts = Type.Static<typeof Ports>;

/**
 * Returns free ports for the platform on `dataDir`: those of its last start if they are still free, so that a database
 * client or a queue URL from yesterday still works.
 */
export async function savedPorts(dataDir: string): Promise<SavedPorts> {
  const file = join(dataDir, "ports.json");
  const last = readSavedPorts(file);
  const choose = async (port: number | undefined) =>
    port !== undefined && (await portProblem(port)) === undefined ? port : freePort();
  const ports = { postgres: await choose(last?.postgres), aws: await choose(last?.aws) };
  writeFileSync(file, JSON.stringify(ports), { mode: 0o600 });
  return ports;
}

function readSavedPorts(file: string): SavedPorts | undefined {
  try {
    return Value.Parse(Ports, JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}
