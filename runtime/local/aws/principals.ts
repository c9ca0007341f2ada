import { randomBytes, randomInt } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** SenderId of the local platform's own components, in the form of an IAM user's unique id. */
export const PLATFORM_SENDER_ID = "AIDALOCALPLATFORM0000";
/** Profile of the platform's own credentials, which is also the default profile of AWS's SDKs. */
const PLATFORM_PROFILE = "default";

/** First line of a section. */
const PROFILE = /^\[([^\]]+)\]$/;

/** Name of the credentials file in the emulator's directory. */
export const CREDENTIALS_FILE = "credentials";

/** Principal that signs requests to the emulator. */
export interface Principal {
  /** Profile in the credentials file. */
  profile: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Value of the attribute SenderId of the messages that it sends. */
  senderId: string;
}

/**
 * Credentials that the emulator accepts, random per data directory. They are stored in AWS's shared credentials format
 * (mode 600) with an additional key, so that every SDK can use a profile:
 *
 *     [orders]
 *     aws_access_key_id = …
 *     aws_secret_access_key = …
 *     sender_id = AROAEXAMPLE:orders
 *
 * Profiles that are added to the file while the emulator runs are accepted at their first request.
 */
export class Principals {
  readonly #file: string | undefined;
  #byKey = new Map<string, Principal>();
  /** Modification time of the file as last read. */
  #readAt = 0;

  /** @param file - Credentials file; without it the credentials are in memory only. */
  constructor(file?: string) {
    this.#file = file;
    if (file !== undefined && existsSync(file)) {
      chmodSync(file, 0o600);
      this.#readCredentials(file);
    }
    if (this.#profile(PLATFORM_PROFILE) === undefined) this.add(PLATFORM_PROFILE, PLATFORM_SENDER_ID);
  }

  /** Credentials of the platform's own components. */
  get platform(): Principal {
    const platform = this.#profile(PLATFORM_PROFILE);
    if (platform === undefined) throw new Error(`${this.#file} no longer has the profile [${PLATFORM_PROFILE}].`);
    return platform;
  }

  /** Returns the principal of an access key; undefined if the key is unknown. */
  find(accessKeyId: string): Principal | undefined {
    const known = this.#byKey.get(accessKeyId);
    if (known !== undefined || this.#file === undefined || !existsSync(this.#file)) return known;
    if (statSync(this.#file).mtimeMs !== this.#readAt) this.#readCredentials(this.#file);
    return this.#byKey.get(accessKeyId);
  }

  /** Creates credentials for a profile, or replaces those of an existing profile. */
  add(profile: string, senderId: string): Principal {
    for (const [name, value] of Object.entries({ profile, senderId }))
      if (!/^[\w+=,.@:/-]{1,128}$/.test(value))
        throw new Error(`${name} '${value}' must have 1 to 128 letters, digits or _+=,.@:/-.`);
    const principal: Principal = {
      profile,
      accessKeyId: `LOCAL${randomLetters(15)}`,
      secretAccessKey: randomBytes(30).toString("base64url"),
      senderId,
    };
    if (this.#file === undefined) {
      for (const other of this.#byKey.values()) if (other.profile === profile) this.#byKey.delete(other.accessKeyId);
      this.#byKey.set(principal.accessKeyId, principal);
    } else {
      this.#write(this.#file, principal);
      // Reads all profiles: another process may have added some.
      this.#readCredentials(this.#file);
    }
    return principal;
  }

  #profile(name: string): Principal | undefined {
    return [...this.#byKey.values()].find(({ profile }) => profile === name);
  }

  #readCredentials(file: string): void {
    this.#readAt = statSync(file).mtimeMs;
    this.#byKey = new Map(
      parseCredentials(readFileSync(file, "utf8")).map((credentials) => [credentials.accessKeyId, credentials]),
    );
  }

  /** Adds a principal's section to the file, or replaces it; other sections are kept as they are. */
  #write(file: string, { profile, accessKeyId, secretAccessKey, senderId }: Principal): void {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const unfinished = `${file}.new`;
    const sections = existsSync(file) ? readFileSync(file, "utf8").split(/^(?=[ \t]*\[)/m) : [];
    const otherSections = sections.filter(
      (section) => PROFILE.exec(section.split("\n", 1)[0]?.trim() ?? "")?.[1]?.trim() !== profile,
    );
    const section = `[${profile}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\nsender_id = ${senderId}\n`;
    const text = otherSections.join("").trimEnd();
    writeFileSync(unfinished, text === "" ? section : `${text}\n\n${section}`, { mode: 0o600 });
    renameSync(unfinished, file);
  }
}

/** The credentials file of a platform's data directory. */
export const credentialsFile = (dataDir: string): string => join(dataDir, "aws", CREDENTIALS_FILE);

/**
 * Reads the platform's own credentials, for programs on this machine.
 * @throws Error when the file is missing or does not have them
 */
export function readPlatformCredentials(dataDir: string): { accessKeyId: string; secretAccessKey: string } {
  const file = credentialsFile(dataDir);
  const platform = parseCredentials(readFileSync(file, "utf8")).find(({ profile }) => profile === PLATFORM_PROFILE);
  if (platform === undefined) throw new Error(`${file} has no complete profile [${PLATFORM_PROFILE}].`);
  return { accessKeyId: platform.accessKeyId, secretAccessKey: platform.secretAccessKey };
}

/** Reads the profiles of a credentials file that have all three keys. */
export function parseCredentials(text: string): Principal[] {
  const sections: { profile: string; values: Map<string, string> }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const profile = PROFILE.exec(line.trim())?.[1];
    if (profile !== undefined) sections.push({ profile: profile.trim(), values: new Map() });
    const at = line.indexOf("=");
    if (profile !== undefined || at === -1 || /^\s*[#;]/.test(line)) continue;
    sections.at(-1)?.values.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return sections.flatMap(({ profile, values }) => {
    const accessKeyId = values.get("aws_access_key_id");
    const secretAccessKey = values.get("aws_secret_access_key");
    const senderId = values.get("sender_id");
    return accessKeyId && secretAccessKey && senderId ? [{ profile, accessKeyId, secretAccessKey, senderId }] : [];
  });
}

const randomLetters = (count: number) =>
  Array.from({ length: count }, () => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[randomInt(32)]).join("");
