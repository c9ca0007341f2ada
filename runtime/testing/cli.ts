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

/** Starts the command with only this environment; `ended` resolves with its output. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { input = "", program = MAIN } = {},
): { child: ChildProcess; ended: Promise<CommandResult> } {
  const child = spawn(process.execPath, [program, ...args], {
    // Without the tester's own profiles.
    env: { PATH: process.env.PATH, XDG_CONFIG_HOME: join(tmpdir(), "rates-no-profiles"), ...env },
  });
  child.stdin.on("error", () => undefined).end(input);
  const over = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = Promise.all([text(child.stdout), text(child.stderr), over]);
  return { child, ended: ended.then(([stdout, stderr, [code, signal]]) => ({ stdout, stderr, code: code ?? signal })) };
}

/** A call that the double received. */
export interface Call {
  /** For example "GET /jobs/a?tenant=x". */
  what: string;
  body: Buffer;
  response: ServerResponse;
}

/** Starts a server in place of the API or the store, for tests of their failures; `answer` receives every call. */
export async function httpDouble(answer: (call: Call) => unknown) {
  const calls: string[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const body = await buffer(request);
    const what = `${request.method} ${request.url}`;
    calls.push(what);
    await answer({ what, body, response });
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

/** Answers with JSON. */
export const json = ({ response }: Call, value: unknown, status = 200) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

/** A job of the double. */
export const job = (status: string, more: object = {}) => ({
  requestId: "a",
  tenant: "acme",
  status,
  createdAt: "2026-01-01T00:00:00.000Z",
  task: { type: "read", sql: "select 1" },
  labels: {},
  progress: { rows: 0, bytes: 0 },
  attempts: [],
  statusHistory: [],
  ...more,
});
/** A job's event, as the API sends it to watchers. */
export const event = (document: object) => `event: job\ndata: ${JSON.stringify(document)}\n\n`;
/** Begins an event stream. */
export const begin = ({ response }: Call) => response.writeHead(200, { "content-type": "text/event-stream" });

/** ESC with a colour and with a title, BEL, CSI of C1, DEL, CR, bidi, zero width, byte order mark, a tag, a soft hyphen. */
export const HOSTILE = "a\x1b[31mb\x1b]0;t\x07\x9b2Jc\x7fd\re\u202ef\u2066g\u200bh\u200di\ufeffj\u{e0041}k\u00adl";
/** The same as commands print it. */
export const ESCAPED =
  "a\\x1b[31mb\\x1b]0;t\\x07\\x9b2Jc\\x7fd\\x0de\\u202ef\\u2066g\\u200bh\\u200di\\ufeffj\\u{e0041}k\\xadl";
/** Text that no command may print. */
export const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be shown
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e0fff}]/u;

/**
 * Runs the command against an API that gives the same answer to every call; resolves with its outcome and the received
 * bodies.
 */
export async function runAgainst(answer: object, ...args: string[]) {
  const bodies: Record<string, unknown>[] = [];
  const api = await httpDouble((call: Call) => {
    if (call.body.length > 0) bodies.push(JSON.parse(call.body.toString()));
    return json(call, answer);
  });
  const ended = await start(args, api.env).ended;
  api.close();
  return { ...ended, bodies, calls: api.calls };
}

/** Registers the hooks of a suite whose tests each need their own directory and an API. */
export function cliSuite() {
  const suite = {
    directory: "",
    double: undefined as Awaited<ReturnType<typeof httpDouble>> | undefined,
    /** Starts the API of a test. */
    async against(answer: (call: Call) => unknown) {
      suite.double = await httpDouble(answer);
      return suite.double;
    },
  };
  beforeEach(async () => {
    suite.directory = await mkdtemp(join(tmpdir(), "rates-cli-"));
  });
  afterEach(async () => {
    suite.double?.close();
    suite.double = undefined;
    await rm(suite.directory, { recursive: true });
  });
  return suite;
}
