import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError } from "./exits.ts";

/** Options that every command takes. */
export interface Connection {
  api?: string;
  token?: string;
  dataDir?: string;
}

/** What an error of the API says. */
interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  problems?: { field?: string; value?: unknown; message?: string }[];
}

const CLONE = fileURLToPath(new URL("../..", import.meta.url));

/** The API, as this command reaches it. */
export class Client {
  readonly base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.base = base.replace(/\/+$/, "");
    this.#token = token;
  }

  /** A request whose answer is JSON. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.fetch(method, path, body)).json() as Promise<T>;
  }

  /**
   * A request; redirects are followed without the token, since they lead elsewhere.
   * @throws CommandError with what the API says is wrong, or how to reach it
   */
  async fetch(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    let response: Response;
    try {
      response = await fetch(`${this.base}${path}`, {
        method,
        headers,
        redirect: "manual",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      });
      const location = response.headers.get("location");
      if (response.status === 302 && location) response = await fetch(location, signal ? { signal } : {});
    } catch (error) {
      if ((error as Error).name === "AbortError") throw error;
      const cause = (error as Error).cause as Error | undefined;
      throw new CommandError(
        "unreachable",
        `${this.base} does not answer (${cause?.message ?? (error as Error).message}).\nIs the platform running? \`npm start\` starts it on this machine.`,
      );
    }
    if (response.ok) return response;
    throw await refusal(response);
  }
}

async function refusal(response: Response): Promise<CommandError> {
  const text = await response.text();
  let problem: ProblemBody;
  try {
    problem = JSON.parse(text);
  } catch {
    return new CommandError("unreachable", `The server answered ${response.status}: ${text.slice(0, 200)}`);
  }
  const lines = (problem.problems ?? []).map(
    ({ field, value, message }) =>
      `  ${field ?? ""}${value === undefined ? "" : ` = ${JSON.stringify(value)}`} ${message ?? ""}`,
  );
  const exit = response.status === 401 || response.status === 403 || response.status >= 500 ? "unreachable" : "invalid";
  return new CommandError(exit, [problem.detail, ...lines].join("\n"), problem);
}

/** --api and --token, RATES_API and RATES_TOKEN, or the platform that runs on this machine. */
export function connect({ api = process.env.RATES_API, token = process.env.RATES_TOKEN, dataDir }: Connection): Client {
  if (api !== undefined && token !== undefined) return new Client(api, token);
  const named = dataDir ?? process.env.RATES_DATA_DIR;
  const directory = named === undefined ? join(CLONE, ".local") : resolve(named);
  const file = join(directory, "platform.json");
  if (!existsSync(file)) {
    if (api !== undefined) throw new CommandError("invalid", "--api needs a token: --token or RATES_TOKEN.");
    throw new CommandError(
      "unreachable",
      `No platform runs on ${directory} (it has no platform.json).\n\`npm start\` starts one; --data-dir names another; --api and --token reach one elsewhere.`,
    );
  }
  const platform = JSON.parse(readFileSync(file, "utf8")) as { api: string; token: string };
  return new Client(api ?? platform.api, token ?? platform.token);
}
