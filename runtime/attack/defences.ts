import { bodies } from "./kinds/bodies.ts";
import { bombs } from "./kinds/bombs.ts";
import { emulator } from "./kinds/emulator.ts";
import type { Check, Kind } from "./kinds/kind.ts";
import { lines } from "./kinds/lines.ts";
import { messages } from "./kinds/messages.ts";
import { readers } from "./kinds/readers.ts";
import { shares } from "./kinds/shares.ts";
import { sockets } from "./kinds/sockets.ts";
import { sources } from "./kinds/sources.ts";
import { sql } from "./kinds/sql.ts";
import { streams } from "./kinds/streams.ts";
import { tenants } from "./kinds/tenants.ts";
import { assertVisible } from "./kinds/terminal.ts";
import type { SourceChange } from "./sourceChange.ts";

/** A defence, how it is switched off, and the check that must notice it. */
export interface Defence {
  readonly kind: Kind;
  /** Changes of the platform's code. */
  readonly changes?: readonly SourceChange[];
  /** Statements of a superuser, once the platform runs. */
  readonly statements?: string;
  readonly check: Check;
  /** Message of the check when the defence is missing. */
  readonly failure: RegExp;
}

const checkOf = (kind: Kind, title: string): Check => {
  const check = kind.checks[title];
  if (check === undefined) throw new Error(`${kind.name} has no check '${title}'`);
  return check;
};

/** The defences of each kind that a test switches off, one at a time. */
export const DEFENCES: Readonly<Record<string, Defence>> = {
  "SQL is parsed and compared with the allow-lists": {
    kind: sql,
    changes: [
      {
        file: "../queries/sql/parser.ts",
        from: "const early = refuseUnparsable(text);",
        to: "const early: Verdict = { sql: text };",
      },
    ],
    check: checkOf(sql, "refuses by HTTP: select pid, query from pg_stat_activity"),
    failure: /\/explain: 200/,
  },
  "a tenant's plans may take a maximum of time": {
    kind: sql,
    changes: [
      {
        file: "../queries/planningTurns.ts",
        from: "if (turn.spentMs >= this.#limits.spentMs)",
        to: "if (false)",
      },
    ],
    check: checkOf(sql, "lets no tenant keep the planner from others"),
    failure: /400,400,400,400/,
  },
  "the checker takes a statement of each tenant in turn": {
    kind: sql,
    changes: [
      {
        file: "../queries/sql/parser.ts",
        from: "await sharedParser.check(text, tenant);",
        to: "await shared.check(text);",
      },
    ],
    check: checkOf(sql, "lets no tenant keep the check of SQL from others"),
    failure: /statements of the attacker were checked first|200/,
  },
  "a run's role may read prices only": {
    kind: readers,
    statements: "grant usage on schema jobs to price_readers; grant select on jobs.tokens to price_readers",
    check: checkOf(readers, "lets a run's role read, signal and change nothing else"),
    failure: /select \* from jobs\.tokens/,
  },
  "a run's role sees its own sessions only": {
    kind: readers,
    statements: "grant pg_read_all_stats to price_readers",
    check: checkOf(readers, "shows a run's role no session of another run"),
    failure: /secret of another run/,
  },
  "an error lists a maximum of problems": {
    kind: bodies,
    changes: [
      {
        file: "../contract/problemList.ts",
        from: "return this.length >= BOUNDS.details || this.#bytes >= BOUNDS.detailsBytes;",
        to: "return this.length >= 100_000;",
      },
      { file: "../contract/problemList.ts", from: "if (this.#bytes > BOUNDS.detailsBytes)", to: "if (false)" },
    ],
    check: checkOf(bodies, "refuses 50,000 numbers as items, at little cost"),
    failure: /an answer of \d{6,} bytes|the API took \d+/,
  },
  "text of a caller is read in linear time": {
    kind: lines,
    changes: [
      {
        file: "../api/problem.ts",
        from: 'cutText(redactText(url.split("?", 1)[0] ?? ""), 200);',
        to: 'cutText(url.replace(/(?:[^?]*:\\/\\/)@/g, ""), 200);',
      },
    ],
    check: checkOf(lines, "refuses without a token, at little cost: a path of 15 KB of ://"),
    failure: /the API took \d+/,
  },
  "a response is addressed to an id that is certain": {
    kind: messages,
    changes: [
      {
        file: "../contract/topLevel.ts",
        from: "if (open.length === 1 && names.includes(name)) {",
        to: "if (names.includes(name)) {",
      },
      {
        file: "../contract/topLevel.ts",
        from: "for (const key of uncertain) delete values[key];",
        to: "uncertain.clear();",
      },
      { file: "../contract/topLevel.ts", from: "      if (open.length === 1) {", to: "      {" },
      {
        file: "../dispatcher/requests.ts",
        from: "if (requestId !== undefined && isOwnTenant && !(await hasJob(context.db, tenant, requestId)))",
        to: "if (requestId !== undefined && isOwnTenant)",
      },
    ],
    check: checkOf(messages, "answers no other job for a body that merely names it"),
    failure: /requestId: 'mine'|'mine'/,
  },
  "a caller's tenant comes from its token": {
    kind: tenants,
    changes: [
      {
        file: "../api/tenant.ts",
        from: 'if (!caller.scopes.includes("admin")) throw lacksScope("admin");\n  return named;',
        to: "return named;",
      },
    ],
    check: checkOf(tenants, "shows a tenant nothing of another's by HTTP, whatever it asks for"),
    failure: /\?tenant=victim: 200/,
  },
  "a search shows a tenant's own jobs": {
    kind: tenants,
    changes: [
      {
        file: "../tracking/postgresQuery.ts",
        from: "if (tenant !== undefined) this.add(",
        to: "if (tenant === '') this.add(",
      },
    ],
    check: checkOf(tenants, "shows a tenant nothing of another's by HTTP, whatever it asks for"),
    failure: /"jobs":\[\{/,
  },
  "a sender may use the tenants that the stack gives it": {
    kind: tenants,
    changes: [
      {
        file: "../requests/callers.ts",
        from: 'if (callers === undefined) return ["read", "update"];',
        to: 'return ["read", "update"];',
      },
    ],
    check: checkOf(tenants, "takes no message in the name of a tenant that its sender may not use"),
    failure: /a foreign message became a job/,
  },
  "an update needs the scope for it": {
    kind: tenants,
    changes: [
      {
        file: "../api/plugins/auth.ts",
        from: "if (!caller.scopes.includes(scope) &&",
        to: 'if (scope !== "update" && !caller.scopes.includes(scope) &&',
      },
    ],
    check: checkOf(tenants, "allows updates only with the scope for them"),
    failure: /!== 403/,
  },
  "a message loads its own tenant's uploads only": {
    kind: tenants,
    changes: [
      {
        file: "../requests/accept.ts",
        from: 'if (source === "queue" && !mayLoad(',
        to: "if (false && !mayLoad(",
      },
    ],
    check: checkOf(tenants, "loads no upload of another tenant, by HTTP or by queue"),
    failure: /SourceNotAllowed/,
  },
  "a URL is shown without its signature": {
    kind: sources,
    changes: [
      {
        file: "../contract/redact.ts",
        from: "export function redactUrl(text: string): string {",
        to: "export function redactUrl(text: string): string {\n  return text;",
      },
    ],
    check: checkOf(sources, "shows no secret of a source, and refuses each that it may not read"),
    failure: /SECRET/,
  },
  "a download connects to public addresses only": {
    kind: sources,
    changes: [
      {
        file: "../runner/load/address.ts",
        from: "export function isPublicAddress(address: string): boolean {",
        to: "export function isPublicAddress(address: string): boolean {\n  return true;",
      },
      // One attempt to connect, without a response.
      { file: "../runner/load/stream.ts", from: "STALL_TIMEOUT_MS = 30_000", to: "STALL_TIMEOUT_MS = 50" },
    ],
    check: checkOf(sources, "connects to no address that is not public, though its host is allowed"),
    failure: /127\.0\.0\.1/,
  },
  "a request must arrive in time": {
    kind: sockets,
    changes: [
      { file: "../api/connections.ts", from: "requestTimeout: REQUEST_SECONDS * 1000,", to: "requestTimeout: 0," },
      { file: "../api/connections.ts", from: "headersTimeout: HEADERS_SECONDS * 1000,", to: "headersTimeout: 0," },
    ],
    check: checkOf(sockets, "closes each connection that stalls within a request"),
    failure: /open after/,
  },
  "what is not HTTP is answered and closed": {
    kind: sockets,
    changes: [{ file: "../api/problem.ts", from: "  socket.destroySoon();", to: "" }],
    check: checkOf(sockets, "answers what is not HTTP shortly, and closes"),
    failure: /open after/,
  },
  "connections have a maximum": {
    kind: sockets,
    changes: [
      {
        file: "../api/connections.ts",
        from: "const isReserved = open.size >= maxConnections && !closeIdleConnection();",
        to: "const isReserved = false;",
      },
      {
        file: "../api/connections.ts",
        from: "server.maxConnections = maxConnections + RESERVED_CONNECTIONS;",
        to: "",
      },
    ],
    check: checkOf(sockets, "serves a new client while others hold all connections"),
    // On a busy machine the new client waits for its answer before the connections are counted.
    failure: /connections are open|a health check/,
  },
  "a batch has a maximum of bad rows": {
    kind: bombs,
    changes: [
      {
        file: "../runner/load/sink.ts",
        from: "if (this.badRows + this.#badInDatabase >= this.#limits.maxBadRows) {",
        to: "if (false) {",
      },
      {
        file: "../runner/load/sink.ts",
        from: "if (this.badRows + rows > this.#limits.maxBadRows)",
        to: "if (false)",
      },
    ],
    check: checkOf(bombs, "stops early at rows of a wrong form in an archive"),
    failure: /rows were read/,
  },
  "a preview cuts its cells": {
    kind: bombs,
    changes: [{ file: "../api/preview/cell.ts", from: "cell: 1_000,", to: "cell: 1_000_000," }],
    check: checkOf(bombs, "shows a preview of a result with one huge cell, at little cost"),
    failure: /a cell of \d{5,}/,
  },
  "event streams have a maximum per token": {
    kind: streams,
    changes: [{ file: "../api/jobHub.ts", from: "if (own >= streamsPerToken)", to: "if (false)" }],
    check: checkOf(streams, "opens no more event streams per token than it may"),
    failure: /70 !== 50/,
  },
  "a token's sessions share its streams": {
    kind: streams,
    changes: [{ file: "../api/routes/events.ts", from: "hub.reserve(raw, owner);", to: "hub.reserve(raw, tokenId);" }],
    check: checkOf(streams, "counts the streams of a token's sessions as the token's"),
    failure: /not within|timeout|200 !== 429/i,
  },
  "an event stream ends with its token": {
    kind: streams,
    changes: [
      {
        file: "../api/jobHub.ts",
        from: "if (++this.#polls % POLLS_PER_TOKEN_CHECK === 0)",
        to: "if (false)",
      },
    ],
    check: checkOf(streams, "ends the streams of a token that is revoked"),
    failure: /the end of the streams: not within/,
  },
  "the emulator keeps to its directory": {
    kind: emulator,
    changes: [
      { file: "../local/aws/s3Paths.ts", from: "  checkPath(decodePath(at === -1 ? url : url.slice(0, at)));", to: "" },
    ],
    check: checkOf(emulator, "keeps every object inside its directory"),
    failure: /!== 400/,
  },
  "a tenant has a maximum of slots": {
    kind: shares,
    changes: [
      {
        file: "../platform/settings.ts",
        from: "if (tenantSlots !== undefined) return tenantSlots;",
        to: "if (tenantSlots !== undefined) return undefined;",
      },
    ],
    check: checkOf(shares, "runs another tenant's small read while one has filled its slots"),
    failure: /the end of small-\d+: not within/,
  },
  "a tenant has a maximum of result streams": {
    kind: shares,
    changes: [
      {
        file: "../api/routes/results.ts",
        from: "finished(reply.raw, slots.take(callerOfRequest(request).tenant));",
        to: "finished(reply.raw, () => undefined);",
      },
      {
        file: "../platform/aws.ts",
        from: "httpAgent: { maxSockets: S3_CONNECTIONS }",
        to: "httpAgent: { maxSockets: 30 }",
      },
    ],
    check: checkOf(shares, "serves another tenant's result while one reads none of its own"),
    failure: /aborted due to timeout/,
  },
  "links of an upload are signed on demand": {
    kind: shares,
    changes: [{ file: "../api/routes/uploads.ts", from: "const MAX_LINKS = 100;", to: "const MAX_LINKS = 10_000;" }],
    check: checkOf(shares, "signs few links of an upload at a time"),
    failure: /links/,
  },
  "hidden characters are shown as escapes": {
    kind: { name: "terminal escapes", checks: {} },
    check: (target) =>
      assertVisible(target, [
        {
          file: "../cli/lib/visible.ts",
          from: "text.replace(HIDDEN_CHARACTERS, escapeOf);",
          to: "text;",
        },
      ]),
    failure: /show terminal-/,
  },
};
