import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readPlatformCredentials } from "../../local/aws/principals.ts";
import type { PlatformFile } from "../../local/platformFile.ts";
import { CLONE } from "./clone.ts";
import { CommandError, reasonOf } from "./exits.ts";
import { isUsable, profileNamed, readProfiles, tokenFor } from "./profiles.ts";
import { plain } from "./screen.ts";
import { stackOutputs } from "./stackOutputs.ts";

/** Options that every command takes. */
export interface Connection {
  api?: string;
  token?: string;
  /** A deployed stack, whose API is to be used. */
  stack?: string;
  dataDir?: string;
  tenant?: string;
  /** A platform under a name of the user's (profiles.ts). */
  profile?: string;
}

/** What an error of the API says. */
interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  problems?: { field?: string; value?: unknown; message?: string }[];
  /** How many there are beyond those listed. */
  furtherProblems?: number;
}

/** Where a job stands, and whose it is. */
export interface Submitted {
  requestId: string;
  tenant: string;
  status: string;
}

/** The API, as this command reaches it. */
export class Client {
  readonly base: string;
  /** Whose jobs an admin asks for; undefined: the token's own. */
  readonly tenant: string | undefined;
  readonly #token: string;
  /** Options that lead here, to be given again. */
  readonly #way: string;

  constructor(base: string, token: string, tenant?: string, way = "") {
    this.base = withoutSlashes(base);
    if (!/^https?:/.test(this.base) || !URL.canParse(this.base))
      throw new CommandError("invalid", `The API '${base}' must be a URL, as in http://127.0.0.1:3000.`);
    this.#token = token;
    this.tenant = tenant;
    this.#way = way;
  }

  /** Whether it is on this machine. */
  get isLocal(): boolean {
    return /^(127\.|localhost$|\[::1\]$)/.test(new URL(this.base).hostname);
  }

  /** The path of a rejected request, by the id of its answer. */
  rejected(id: string): string {
    return this.job(id).replace("/jobs/", "/rejected/");
  }

  /** The path of the ids that begin with a prefix; without one, of the newest. */
  jobIds({ prefix, limit }: { prefix?: string; limit: number }): string {
    const given = { prefix, limit: String(limit), tenant: this.tenant };
    return `/job-ids?${new URLSearchParams(JSON.parse(JSON.stringify(given)))}`;
  }

  /** The path of a job, or of something of it. */
  job(id: string, rest = ""): string {
    return `/jobs/${encodeURIComponent(id)}${rest}${this.tenant === undefined ? "" : `?${new URLSearchParams({ tenant: this.tenant })}`}`;
  }

  /** The command that does something with a job on the same terms, for people to copy. */
  hint(command: string, id: string): string {
    return `\`rates ${command} ${id}${this.#way}${this.tenant === undefined ? "" : ` --tenant ${this.tenant}`}\``;
  }

  /** The same API, for a job of a tenant that its request named. */
  of(tenant: string | undefined): Client {
    return tenant === undefined || tenant === this.tenant
      ? this
      : new Client(this.base, this.#token, tenant, this.#way);
  }

  /** A request whose answer is JSON. */
  async json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const response = await this.fetch(method, path, body, signal);
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw new CommandError("unreachable", `${this.base} answered ${method} ${path} without JSON: ${reasonOf(error)}`);
    }
  }

  /**
   * A request; redirects are followed without the token, since they lead elsewhere.
   * @throws CommandError with what the API says is wrong, or how to reach it
   */
  async fetch(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#token}`,
      // How the audit trail tells the command from other programs.
      "user-agent": "rates-cli",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    let response: Response;
    let location: string | null;
    try {
      response = await fetch(`${this.base}${path}`, {
        method,
        headers,
        redirect: "manual",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      });
      location = response.status === 302 ? response.headers.get("location") : null;
      if (location) response = await fetch(location, signal ? { signal } : {});
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new CommandError(
        "unreachable",
        `${this.base} does not answer (${reasonOf(error)}).\n${this.isLocal ? "Is the platform running? `npm start` starts it on this machine." : "Does this network reach it, a VPN perhaps? `rates doctor` looks further."}`,
        { passing: true, unsettled: !NOT_REACHED.has(codeOf(error)) },
      );
    }
    if (response.ok) return response;
    if (location && response.status === 404) {
      const detail = "The result was kept for a while and has expired. Submit the read again.";
      throw new CommandError("invalid", detail, { data: { type: "ResultGone", status: 410, detail } });
    }
    throw await refusal(response);
  }
}

/** What the network says where nothing was sent. */
const NOT_REACHED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
const codeOf = (error: unknown): string => ((error as Error).cause as { code?: string } | undefined)?.code ?? "";

async function refusal(response: Response): Promise<CommandError> {
  const { status } = response;
  const text = await response.text().catch(() => "");
  // Too many requests are as many again in a minute.
  const passing = status >= 500 || status === 429;
  const unsettled = status >= 500;
  let problem: ProblemBody;
  try {
    problem = JSON.parse(text);
  } catch {
    return new CommandError("unreachable", `The server answered ${status}: ${text.slice(0, 200)}`, {
      passing,
      unsettled,
    });
  }
  const lines = (problem.problems ?? []).map(
    ({ field, value, message }) =>
      `  ${plain(`${field ?? ""}${value === undefined ? "" : ` = ${JSON.stringify(value)}`} ${message ?? ""}`)}`,
  );
  if (problem.furtherProblems !== undefined) lines.push(`  … and ${problem.furtherProblems.toLocaleString("en")} more`);
  const refused = status === 401 || status === 403;
  const next = refused ? ["`rates doctor` tells what the token may; another is given by --token or RATES_TOKEN."] : [];
  const message = [problem.detail, ...lines, ...next].join("\n");
  return new CommandError(refused || passing ? "unreachable" : "invalid", message, {
    data: problem,
    passing,
    unsettled,
  });
}

/** --stack, --api and --token, --profile and their variables, the profile in use, or the platform on this machine. */
export function connect(options: Connection): Client {
  const { stack, dataDir } = options;
  const noToken = `--stack needs a token: --token, RATES_TOKEN, or \`rates login --stack ${stack}\`.`;
  const mayHaveToken = (options.token ?? process.env.RATES_TOKEN) !== undefined || hasProfiles();
  // Before Pulumi is asked, which takes seconds.
  if (stack !== undefined && options.api === undefined && !mayHaveToken) throw new CommandError("invalid", noToken);
  const { api, token, tenant, profile } = targetOf(options);
  const way = wayOf(options);
  if (token !== undefined) return new Client(api, token, tenant, way);
  if (stack !== undefined) throw new CommandError("invalid", noToken);
  if (profile !== undefined)
    throw new CommandError(
      "invalid",
      `The session of profile '${profile}' has ended. \`rates login --profile ${profile} --api ${api}\` signs in again.`,
    );
  const platform = localPlatform(dataDir);
  // A token of this machine is nobody else's to see.
  if (platform === undefined || withoutSlashes(api) !== withoutSlashes(platform.api))
    throw new CommandError("invalid", "--api needs a token: --token, RATES_TOKEN, or `rates login`.");
  return new Client(api, platform.token, tenant, way);
}

/** The platform that options and environment name, and the token that is given or kept for it. */
export function targetOf(options: Connection): {
  api: string;
  token: string | undefined;
  tenant: string | undefined;
  profile: string | undefined;
} {
  const { stack, dataDir, tenant, profile = process.env.RATES_PROFILE } = options;
  const api = options.api ?? (stack === undefined && options.profile === undefined ? process.env.RATES_API : undefined);
  const given = options.token ?? process.env.RATES_TOKEN;
  if (stack !== undefined && api !== undefined)
    throw new CommandError("invalid", "--stack and --api do not go together.");
  const named = api ?? (stack === undefined ? undefined : stackOutputs(stack).api);
  if (named !== undefined)
    return { api: named, token: given ?? keptToken(named, profile), tenant, profile: options.profile };
  const all = readProfiles();
  // A data directory, or a token alone, is for the platform on this machine.
  const inUse = profile ?? (dataDir === undefined && given === undefined ? all.current : undefined);
  if (inUse !== undefined) {
    const kept = profileNamed(inUse, all);
    const token = given ?? (isUsable(kept) ? kept.token : undefined);
    return { api: kept.api, token, tenant: tenant ?? kept.tenant, profile: inUse };
  }
  const platform = localPlatform(dataDir);
  if (platform === undefined) throw noPlatform(dataDir);
  return { api: platform.api, token: given ?? platform.token, tenant, profile: undefined };
}

const hasProfiles = (): boolean => Object.keys(readProfiles().profiles).length > 0;

/** The token that a profile keeps for an API. */
function keptToken(api: string, profile: string | undefined): string | undefined {
  const all = readProfiles();
  const wanted = withoutSlashes(api);
  if (profile === undefined) return tokenFor(wanted, all);
  const kept = all.profiles[profile];
  return kept !== undefined && kept.api === wanted && isUsable(kept) ? kept.token : undefined;
}

/** The options by which a platform was named, for a command that is to be copied; what the environment says stays there. */
const wayOf = ({ stack, api, dataDir, profile }: Connection): string =>
  Object.entries({ stack, api, "data-dir": dataDir, profile })
    .flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`]))
    .join("");

/** What the platform on this machine says of itself; undefined where none runs on the data directory. */
export function localPlatform(dataDir: string | undefined): PlatformFile | undefined {
  const file = join(directoryOf(dataDir), "platform.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new CommandError(
      "internalError",
      `${file} cannot be read: ${reasonOf(error)}\n\`npm start\` writes it anew.`,
    );
  }
}

/** Credentials of the emulator of SQS and S3 of the platform on this machine. */
export function localCredentials(dataDir: string | undefined): { accessKeyId: string; secretAccessKey: string } {
  try {
    return readPlatformCredentials(directoryOf(dataDir));
  } catch (error) {
    throw new CommandError("internalError", `The platform's credentials cannot be read: ${reasonOf(error)}`);
  }
}

/** That no platform runs there, and how to reach one. */
export const noPlatform = (dataDir: string | undefined): CommandError =>
  new CommandError(
    "unreachable",
    `No platform runs on ${directoryOf(dataDir)} (it has no platform.json).\n\`npm start\` starts one; --data-dir names another; --api and --token reach one elsewhere.`,
  );

function directoryOf(dataDir = process.env.RATES_DATA_DIR): string {
  return dataDir === undefined ? join(CLONE ?? process.cwd(), ".local") : resolve(dataDir);
}

/** A URL without the slashes at its end. */
function withoutSlashes(url: string): string {
  let end = url.length;
  while (url[end - 1] === "/") end--;
  return url.slice(0, end);
}
