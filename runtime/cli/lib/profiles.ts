import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import { suggestion } from "../../contract/problems.ts";
import { reasonOf } from "../../contract/reason.ts";
import { CommandError } from "./exits.ts";

/** A named platform with its token. */
const Profile = Type.Object({
  api: Type.String(),
  token: Type.Optional(Type.String()),
  /** ISO time. */
  expiresAt: Type.Optional(Type.String()),
  tenant: Type.Optional(Type.String()),
});
export type Profile = Static<typeof Profile>;

const Profiles = Type.Object({
  current: Type.Optional(Type.String()),
  profiles: Type.Record(Type.String(), Profile),
  /** Saved views of `rates list`: the flags of each view, by the view's name. */
  views: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Type.String()))),
});
export type Profiles = Static<typeof Profiles>;

/** Pattern of profile names. */
export const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Path of the profiles file: in XDG_CONFIG_HOME or ~/.config, with mode 600 because it contains tokens. */
export function profilesFile(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CONFIG_HOME: config, HOME: home = homedir() } = env;
  return join(config === undefined || config === "" ? join(home, ".config") : config, "rates", "profiles.json");
}

/**
 * Reads the profiles; returns none if the file does not exist.
 * @throws CommandError if the file cannot be read or is not valid
 */
export function readProfiles(file = profilesFile()): Profiles {
  if (!existsSync(file)) return { profiles: {} };
  try {
    const content: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (Value.Check(Profiles, content)) return content;
  } catch (error) {
    throw new CommandError("internalError", `${file} cannot be read: ${reasonOf(error)}`);
  }
  throw new CommandError(
    "internalError",
    `${file} is not a valid profiles file. Move it away, then run \`rates login\` again.`,
  );
}

/** Replaces the profiles file atomically. */
export function writeProfiles(profiles: Profiles, file = profilesFile()): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(profiles, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

/**
 * Returns a profile by its name.
 * @throws CommandError if it does not exist
 */
export function profileNamed(name: string, { profiles } = readProfiles()): Profile {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile !== undefined) return profile;
  const names = Object.keys(profiles);
  const known = names.length === 0 ? "No profile exists yet" : `Known: ${names.join(", ")}`;
  const hint = suggestion(name, names);
  throw new CommandError(
    "invalid",
    `There is no profile '${name}'.${hint.startsWith(" Did") ? hint : ""} ${known}; \`rates login --api URL --profile ${name}\` creates one.`,
  );
}

/** Returns the stored token of an API, unless it has expired. */
export function tokenFor(api: string, { profiles } = readProfiles(), now = Date.now()): string | undefined {
  return Object.values(profiles).find((profile) => profile.api === api && isUsable(profile, now))?.token;
}

/** Returns true if a profile has a token that has not expired. */
export const isUsable = ({ token, expiresAt }: Profile, now = Date.now()): boolean =>
  token !== undefined && (expiresAt === undefined || Date.parse(expiresAt) > now);
