import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
export const LAUNCHER = fileURLToPath(new URL("../cli/rates.mjs", import.meta.url));

/** Outcome of a command. */
export interface CommandResult {
  stdout: string;
  stderr: string;
  /** Its exit code, or the signal that ended it. */
  code: number | NodeJS.Signals | null;
}

/** Starts the command with this environment, PATH, and no profiles. `ended` resolves with its outcome. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { input = "", program = MAIN } = {},
): { child: ChildProcess; ended: Promise<CommandResult> } {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, XDG_CONFIG_HOME: join(tmpdir(), "rates-no-profiles"), ...env },
  });
  child.stdin.on("error", () => undefined).end(input);
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { child, ended: ended.then(([stdout, stderr, [code, signal]]) => ({ stdout, stderr, code: code ?? signal })) };
}

/** A call that a fake server received. */
export interface Call {
  /** For example "GET /jobs/a?tenant=x". */
  requestLine: string;
  body: Buffer;
  response: ServerResponse;
}

/** Starts an HTTP server that replaces the API or an AWS service. `respond` receives every call. */
export async function startFakeServer(respond: (call: Call) => unknown) {
  const calls: string[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const body = await buffer(request);
    const requestLine = `${request.method} ${request.url}`;
    calls.push(requestLine);
    await respond({ requestLine, body, response });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    calls,
    env: { RATES_API: url, RATES_TOKEN: "token" },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Sends JSON. */
export const json = ({ response }: Call, value: unknown, status = 200) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

/** Creates a job's document. */
export const job = (status: string, overrides: object = {}) => ({
  requestId: "a",
  tenant: "acme",
  status,
  createdAt: "2026-01-01T00:00:00.000Z",
  task: { type: "read", sql: "select 1" },
  labels: {},
  progress: { rows: 0, bytes: 0 },
  attempts: [],
  statusHistory: [],
  ...overrides,
});
/** Formats a job's event, as the API sends it to watchers. */
export const event = (document: object) => `event: job\ndata: ${JSON.stringify(document)}\n\n`;
/** Begins an event stream. */
export const begin = ({ response }: Call) => response.writeHead(200, { "content-type": "text/event-stream" });

/** Escape sequences for a colour and a title, control characters, and invisible characters. */
export const HOSTILE = "a\x1b[31mb\x1b]0;t\x07\x9b2Jc\x7fd\re\u202ef\u2066g\u200bh\u200di\ufeffj\u{e0041}k\u00adl";
/** HOSTILE as commands print it. */
export const ESCAPED =
  "a\\x1b[31mb\\x1b]0;t\\x07\\x9b2Jc\\x7fd\\x0de\\u202ef\\u2066g\\u200bh\\u200di\\ufeffj\\u{e0041}k\\xadl";
/** Matches a character that no command may print. */
export const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be shown
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e0fff}]/u;

/**
 * Runs the command against a fake API that gives the same response to every call. Resolves with the command's outcome,
 * and the calls and bodies that the API received.
 */
export async function runAgainst(body: object, ...args: string[]) {
  const bodies: Record<string, unknown>[] = [];
  const api = await startFakeServer((call: Call) => {
    if (call.body.length > 0) bodies.push(JSON.parse(call.body.toString()));
    return json(call, body);
  });
  const ended = await start(args, api.env).ended;
  api.close();
  return { ...ended, bodies, calls: api.calls };
}

/** Registers the hooks of a suite whose tests each need their own directory and an API. */
export function cliSuite() {
  const suite = {
    directory: "",
    api: undefined as Awaited<ReturnType<typeof startFakeServer>> | undefined,
    /** Starts the fake API of a test. */
    async against(respond: (call: Call) => unknown) {
      suite.api = await startFakeServer(respond);
      return suite.api;
    },
  };
  beforeEach(async () => {
    suite.directory = await mkdtemp(join(tmpdir(), "rates-cli-"));
  });
  afterEach(async () => {
    suite.api?.close();
    suite.api = undefined;
    await rm(suite.directory, { recursive: true });
  });
  return suite;
}
