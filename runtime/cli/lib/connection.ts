import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { reasonOf } from "../../contract/reason.ts";
import { shellWord } from "../../contract/shellQuote.ts";
import { readPlatformCredentials } from "../../local/aws/principals.ts";
import type { PlatformFile } from "../../local/platformFile.ts";
import { Client, withoutSlashes } from "./apiClient.ts";
import { CLONE } from "./clone.ts";
import { CommandError } from "./exits.ts";
import { isUsable, profileNamed, readProfiles, tokenFor } from "./profiles.ts";
import { stackOutputs } from "./stackOutputs.ts";

/** Options that select the platform; every command has them. */
export interface Connection {
  api?: string;
  token?: string;
  /** Deployed stack whose API is used. */
  stack?: string;
  dataDir?: string;
  tenant?: string;
  /** Name of a profile (profiles.ts). */
  profile?: string;
}

/** Id, tenant and state of a submitted job. */
export interface Submitted {
  requestId: string;
  tenant: string;
  status: string;
}

/**
 * Creates the client of the platform that --stack, --api, --profile, RATES_API or RATES_PROFILE selects. Without these,
 * the current profile selects the platform; without a profile, it is the platform on this machine.
 * @throws CommandError for contradictory options, or without a token
 */
export function connect(options: Connection): Client {
  assertNotEmpty(options);
  const { stack, dataDir } = options;
  const missingTokenText = `--stack needs a token: --token, RATES_TOKEN, or \`rates login --stack ${stack}\`.`;
  const mayHaveToken = (options.token ?? variable("RATES_TOKEN")) !== undefined || hasProfiles();
  // Checked before calling Pulumi, which takes seconds.
  if (stack !== undefined && options.api === undefined && !mayHaveToken)
    throw new CommandError("invalid", missingTokenText);
  const { api, token, tenant, profile } = targetOf(options);
  const connectionOptions = connectionOptionsOf(options);
  if (token !== undefined) return new Client(api, token, tenant, connectionOptions);
  if (stack !== undefined) throw new CommandError("invalid", missingTokenText);
  if (profile !== undefined)
    throw new CommandError(
      "invalid",
      `Profile '${profile}' has no valid session for ${api}. \`rates login --profile ${profile} --api ${api}\` signs in.`,
    );
  const platform = localPlatform(dataDir);
  // The local token is sent only to the local platform.
  if (platform === undefined || withoutSlashes(api) !== withoutSlashes(platform.api))
    throw new CommandError("invalid", "--api needs a token: --token, RATES_TOKEN, or `rates login`.");
  return new Client(api, platform.token, tenant, connectionOptions);
}

/** Returns an environment variable; an empty one counts as absent. */
const variable = (name: string): string | undefined => process.env[name] || undefined;

/**
 * Refuses empty options, for example from a shell variable that is not set.
 * @throws CommandError
 */
function assertNotEmpty({ api, token, stack, dataDir, tenant, profile }: Connection): void {
  const given = { api, token, stack, "data-dir": dataDir, tenant, profile };
  const empty = Object.entries(given).find(([, value]) => value?.trim() === "");
  if (empty) throw new CommandError("invalid", `--${empty[0]} is empty. Give a value, or leave it out.`);
}

/** Returns the platform that options and environment select, with its given or stored token. */
export function targetOf(options: Connection): {
  api: string;
  token: string | undefined;
  tenant: string | undefined;
  profile: string | undefined;
} {
  assertNotEmpty(options);
  const { stack, dataDir, tenant, profile = variable("RATES_PROFILE") } = options;
  const api = options.api ?? (stack === undefined && options.profile === undefined ? variable("RATES_API") : undefined);
  const givenToken = options.token ?? variable("RATES_TOKEN");
  if (stack !== undefined && api !== undefined)
    throw new CommandError("invalid", "--stack and --api cannot be combined.");
  const selectedApi = api ?? (stack === undefined ? undefined : stackOutputs(stack).api);
  if (selectedApi !== undefined)
    return {
      api: selectedApi,
      token: givenToken ?? storedToken(selectedApi, profile),
      tenant,
      profile: options.profile,
    };
  const saved = readProfiles();
  // A data directory, or a token without a platform, selects the platform on this machine.
  const profileName = profile ?? (dataDir === undefined && givenToken === undefined ? saved.current : undefined);
  if (profileName !== undefined) {
    const stored = profileNamed(profileName, saved);
    const token = givenToken ?? (isUsable(stored) ? stored.token : undefined);
    return { api: stored.api, token, tenant: tenant ?? stored.tenant, profile: profileName };
  }
  const platform = localPlatform(dataDir);
  if (platform === undefined) throw noPlatformError(dataDir);
  return { api: platform.api, token: givenToken ?? platform.token, tenant, profile: undefined };
}

const hasProfiles = (): boolean => Object.keys(readProfiles().profiles).length > 0;

/** Returns the stored token for an API: that of the given profile or, without one, of any profile for this API. */
function storedToken(api: string, profile: string | undefined): string | undefined {
  const saved = readProfiles();
  const url = withoutSlashes(api);
  if (profile === undefined) return tokenFor(url, saved);
  const stored = saved.profiles[profile];
  return stored !== undefined && stored.api === url && isUsable(stored) ? stored.token : undefined;
}

/**
 * Returns the options that select the platform, for the commands that messages suggest to the user; environment variables
 * are not repeated.
 */
const connectionOptionsOf = ({ stack, api, dataDir, profile }: Connection): string =>
  Object.entries({ stack, api, "data-dir": dataDir, profile })
    .flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${shellWord(value)}`]))
    .join("");

/** Reads the local platform's platform.json; undefined if no platform runs with the data directory. */
export function localPlatform(dataDir: string | undefined): PlatformFile | undefined {
  const file = join(directoryOf(dataDir), "platform.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new CommandError(
      "internalError",
      `${file} cannot be read: ${reasonOf(error)}\n\`npm start\` writes it again.`,
    );
  }
}

/** Reads the credentials for the SQS and S3 emulator of the platform on this machine. */
export function localCredentials(dataDir: string | undefined): { accessKeyId: string; secretAccessKey: string } {
  try {
    return readPlatformCredentials(directoryOf(dataDir));
  } catch (error) {
    throw new CommandError("internalError", `The platform's credentials cannot be read: ${reasonOf(error)}`);
  }
}

/** Creates the error for a missing local platform, with advice. */
export const noPlatformError = (dataDir: string | undefined): CommandError =>
  new CommandError(
    "unreachable",
    `No platform runs with the data directory ${directoryOf(dataDir)} (it has no platform.json).\n\`npm start\` starts one. --data-dir selects another directory, --api and --token another platform.`,
  );

function directoryOf(dataDir = variable("RATES_DATA_DIR")): string {
  return dataDir === undefined ? join(CLONE ?? process.cwd(), ".local") : resolve(dataDir);
}
