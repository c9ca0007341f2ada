import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import { suggestion } from "../../contract/problems.ts";
import { reasonOf } from "../../contract/reason.ts";
import { CommandError } from "./exits.ts";

/** A platform under a name of the user's, with the token that reaches it. */
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
});
export type Profiles = Static<typeof Profiles>;

/** The names that a profile may have. */
export const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The user's file of profiles: in XDG_CONFIG_HOME or ~/.config, of mode 600 since it has tokens. */
export function profilesFile(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CONFIG_HOME: config, HOME: home = homedir() } = env;
  return join(config === undefined || config === "" ? join(home, ".config") : config, "rates", "profiles.json");
}

/** @throws CommandError where the file cannot be read */
export function readProfiles(file = profilesFile()): Profiles {
  if (!existsSync(file)) return { profiles: {} };
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (Value.Check(Profiles, found)) return found;
  } catch (error) {
    throw new CommandError("internalError", `${file} cannot be read: ${reasonOf(error)}`);
  }
  throw new CommandError(
    "internalError",
    `${file} does not have the form of profiles. Move it away, then \`rates login\` again.`,
  );
}

/** Writes the file whole, so that a reader sees all of it or what was there before. */
export function writeProfiles(profiles: Profiles, file = profilesFile()): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(profiles, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}

/** A profile by its name. @throws CommandError where there is none */
export function profileNamed(name: string, { profiles } = readProfiles()): Profile {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile !== undefined) return profile;
  const names = Object.keys(profiles);
  const known = names.length === 0 ? "No profile exists yet" : `Known: ${names.join(", ")}`;
  throw new CommandError(
    "invalid",
    `There is no profile '${name}'.${suggestion(name, names)} ${known}; \`rates login --api URL --profile ${name}\` makes one.`,
  );
}

/** The token kept for an API, where it has not expired. */
export function tokenFor(api: string, { profiles } = readProfiles(), now = Date.now()): string | undefined {
  return Object.values(profiles).find((one) => one.api === api && isUsable(one, now))?.token;
}

/** Tells whether a profile has a token that has not expired. */
export const isUsable = ({ token, expiresAt }: Profile, now = Date.now()): boolean =>
  token !== undefined && (expiresAt === undefined || Date.parse(expiresAt) > now);
