import { reasonOf } from "../../contract/reason.ts";
import { redactText } from "../../contract/redact.ts";
import { CommandError } from "./exits.ts";
import { plain } from "./screen.ts";

/** Error response of the API. */
interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  problems?: { field?: string; value?: unknown; message?: string }[];
  /** Number of problems beyond those listed. */
  furtherProblems?: number;
}

/** Client of the API. */
export class Client {
  readonly base: string;
  /** Tenant of the jobs, for an admin token. @default the token's tenant */
  readonly tenant: string | undefined;
  readonly #token: string | undefined;
  /** Options that select this platform, for commands in hints. */
  readonly #connectionOptions: string;

  /** @param token undefined for operations before a sign-in */
  constructor(base: string, token: string | undefined, tenant?: string, connectionOptions = "") {
    this.base = apiUrl(base);
    this.#token = token === undefined ? undefined : checkToken(token);
    this.tenant = tenant;
    this.#connectionOptions = connectionOptions;
  }

  /** True for an API on this machine. */
  get isLocal(): boolean {
    return /^(127\.|localhost$|\[::1\]$)/.test(new URL(this.base).hostname);
  }

  /** Returns the path of a rejected request. */
  rejectedPath(id: string): string {
    return this.jobPath(id).replace("/jobs/", "/rejected/");
  }

  /** Returns the path that lists job ids: those with a prefix or, without one, the newest. */
  jobIdsPath({ prefix, limit }: { prefix?: string; limit: number }): string {
    const search = { prefix, limit: String(limit), tenant: this.tenant };
    return `/job-ids?${new URLSearchParams(JSON.parse(JSON.stringify(search)))}`;
  }

  /** Returns the path of a job, or of a resource below it. */
  jobPath(id: string, subpath = ""): string {
    return `/jobs/${encodeURIComponent(id)}${subpath}${this.tenant === undefined ? "" : `?${new URLSearchParams({ tenant: this.tenant })}`}`;
  }

  /** Returns a command for a job on the same platform, for people to copy. */
  hint(command: string, id: string): string {
    return `\`rates ${command} ${id}${this.#connectionOptions}${this.tenant === undefined ? "" : ` --tenant ${this.tenant}`}\``;
  }

  /** Returns a client of the same API for another tenant. */
  forTenant(tenant: string | undefined): Client {
    return tenant === undefined || tenant === this.tenant
      ? this
      : new Client(this.base, this.#token, tenant, this.#connectionOptions);
  }

  /** Sends a request and parses its JSON response. */
  async json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const response = await this.fetch(method, path, body, signal);
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw new CommandError(
        "unreachable",
        `${this.base} responded to ${method} ${path} without JSON: ${reasonOf(error)}`,
      );
    }
  }

  /**
   * Sends a request. Redirects lead to another server, so they are followed without the token.
   * @throws CommandError with the API's problem, or with advice if the API is unreachable; the abort error if the signal
   *   aborts
   */
  async fetch(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      // Identifies the command line in the audit trail.
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
        `${this.base} does not respond (${reasonOf(error)}).\n${this.isLocal ? "Is the platform running? `npm start` starts it on this machine." : "Check that this network can reach it (perhaps through a VPN). `rates doctor` checks further."}`,
        { isTransient: true, mayHaveTakenEffect: !UNSENT_CODES.has(codeOf(error)) },
      );
    }
    if (response.ok) return response;
    if (location && response.status === 404) {
      const detail = "The result or report has expired. Submit its task again under a new requestId.";
      throw new CommandError("invalid", detail, { data: { type: "ResultGone", status: 410, detail } });
    }
    throw await errorOf(response);
  }
}

/** Codes of network errors that guarantee that nothing was sent. */
const UNSENT_CODES = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
const codeOf = (error: unknown): string => ((error as Error).cause as { code?: string } | undefined)?.code ?? "";

async function errorOf(response: Response): Promise<CommandError> {
  const { status } = response;
  const text = await response.text().catch(() => "");
  const isTransient = status >= 500 || status === 429;
  // A request refused with 429 is not resent: it had no effect, and would be refused again until the minute ends.
  const mayHaveTakenEffect = status >= 500;
  let problem: ProblemBody;
  try {
    problem = JSON.parse(text);
  } catch {
    return new CommandError("unreachable", `The server returned ${status}: ${text.slice(0, 200)}`, {
      isTransient,
      mayHaveTakenEffect,
    });
  }
  const lines = (problem.problems ?? []).map(
    ({ field, value, message }) =>
      `  ${plain(`${field ?? ""}${value === undefined ? "" : ` = ${JSON.stringify(value)}`} ${message ?? ""}`)}`,
  );
  if (problem.furtherProblems !== undefined) lines.push(`  … and ${problem.furtherProblems.toLocaleString("en")} more`);
  const isRefused = status === 401 || status === 403;
  const hint = isRefused
    ? ["`rates doctor` shows what the token may do; --token and RATES_TOKEN set another token."]
    : [];
  const message = [problem.detail, ...lines, ...hint].join("\n");
  return new CommandError(isRefused || isTransient ? "unreachable" : "invalid", message, {
    data: problem,
    isTransient,
    mayHaveTakenEffect,
  });
}

/**
 * Checks the URL of an API.
 * @returns the URL without surrounding spaces and trailing slashes
 * @throws CommandError without a password in its message
 */
function apiUrl(argument: string): string {
  const text = argument.trim();
  const example = "for example http://127.0.0.1:3000";
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new CommandError("invalid", `The API '${redactText(text)}' must be a URL, ${example}.`);
  const { username, password, search, hash } = new URL(text);
  if (username !== "" || password !== "")
    throw new CommandError(
      "invalid",
      "The API's URL must not contain a user or a password. Give a token with --token.",
    );
  if (search !== "" || hash !== "")
    throw new CommandError(
      "invalid",
      `The API '${redactText(text)}' must end before '${search === "" ? "#" : "?"}', ${example}.`,
    );
  return withoutSlashes(text);
}

/**
 * Checks a token before it becomes a header, since the error message of an invalid header would contain the token.
 * @throws CommandError
 */
function checkToken(argument: string): string {
  const token = argument.trim().replace(/^Bearer /i, "");
  if (token === "") throw new CommandError("invalid", "The token is empty. Check --token or RATES_TOKEN.");
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CommandError(
      "invalid",
      "The token contains spaces, line breaks or characters that are not ASCII. Copy it again to --token or RATES_TOKEN.",
    );
  return token;
}

/** Removes trailing slashes from a URL. */
export function withoutSlashes(url: string): string {
  let end = url.length;
  while (url[end - 1] === "/") end--;
  return url.slice(0, end);
}
