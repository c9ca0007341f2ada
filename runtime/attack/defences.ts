import { bodies } from "./kinds/bodies.ts";
import { bombs } from "./kinds/bombs.ts";
import { emulator } from "./kinds/emulator.ts";
import type { AttackKind, Check } from "./kinds/kind.ts";
import { messages } from "./kinds/messages.ts";
import { pathsAndHeaders } from "./kinds/pathsAndHeaders.ts";
import { readers } from "./kinds/readers.ts";
import { shares } from "./kinds/shares.ts";
import { sockets } from "./kinds/sockets.ts";
import { sources } from "./kinds/sources.ts";
import { sql } from "./kinds/sql.ts";
import { streams } from "./kinds/streams.ts";
import { tenants } from "./kinds/tenants.ts";
import { assertEscaped } from "./kinds/terminal.ts";
import type { SourceChange } from "./sourceChange.ts";

/** A defence, the changes that switch it off, and the check that must then fail. */
export interface Defence {
  readonly kind: AttackKind;
  /** Changes to the platform's code. */
  readonly changes?: readonly SourceChange[];
  /** SQL that a superuser executes after the platform has started. */
  readonly statements?: string;
  readonly check: Check;
  /** Expected message of the check when the defence is missing. */
  readonly failure: RegExp;
}

const checkOf = (kind: AttackKind, title: string): Check => {
  const check = kind.checks[title];
  if (check === undefined) throw new Error(`${kind.name} has no check '${title}'`);
  return check;
};

/** Defences that a test switches off, one at a time. */
export const DEFENCES: Readonly<Record<string, Defence>> = {
  "SQL is parsed and compared with the allow-lists": {
    kind: sql,
    changes: [
      {
        file: "../queries/sql/parser.ts",
        from: "const refusal = refuseUnparsable(text);",
        to: "const refusal: Verdict = { sql: text };",
      },
    ],
    check: checkOf(sql, "refuses over HTTP: select pid, query from pg_stat_activity"),
    failure: /\/explain: 200/,
  },
  "a tenant's planning time is limited": {
    kind: sql,
    changes: [
      {
        file: "../queries/planningQueue.ts",
        from: "if (queue.spentMs >= this.#limits.spentMs)",
        to: "if (false)",
      },
    ],
    check: checkOf(sql, "limits a tenant's use of the planner"),
    failure: /400,400,400,400/,
  },
  "the SQL checker serves tenants in turn": {
    kind: sql,
    changes: [
      {
        file: "../queries/sql/parser.ts",
        from: "await sharedParser.check(text, tenant);",
        to: "await sharedParser.check(text);",
      },
    ],
    check: checkOf(sql, "checks SQL of tenants in turn"),
    failure: /statements of the attacker were checked first|200/,
  },
  "a run's role can read only prices": {
    kind: readers,
    statements: "grant usage on schema jobs to price_readers; grant select on jobs.tokens to price_readers",
    check: checkOf(readers, "lets a run's role read, signal and change nothing else"),
    failure: /select \* from jobs\.tokens/,
  },
  "a run's role sees only its own sessions": {
    kind: readers,
    statements: "grant pg_read_all_stats to price_readers",
    check: checkOf(readers, "hides the sessions of other runs from a run's role"),
    failure: /secret of another run/,
  },
  "the problems in an error are limited": {
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
    failure: /a response of \d{6,} bytes|the API took \d+/,
  },
  "a caller's text is processed in linear time": {
    kind: pathsAndHeaders,
    changes: [
      {
        file: "../api/problem.ts",
        from: 'cutText(redactText(url.split("?", 1)[0] ?? ""), 200);',
        to: 'cutText(url.replace(/(?:[^?]*:\\/\\/)@/g, ""), 200);',
      },
    ],
    check: checkOf(pathsAndHeaders, "refuses without a token, at little cost: a path of 15 KB of ://"),
    failure: /the API took \d+/,
  },
  "a response is sent only for an unambiguous id": {
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
        from: "if (requestId !== undefined && mayRespond && !(await hasJob(context.db, tenant, requestId)))",
        to: "if (requestId !== undefined && mayRespond)",
      },
    ],
    check: checkOf(messages, "sends no response for a job that a malformed body names"),
    failure: /requestId: 'mine'|'mine'/,
  },
  "a caller's tenant comes from its token": {
    kind: tenants,
    changes: [
      {
        file: "../api/tenant.ts",
        from: 'if (!caller.scopes.includes("admin")) throw missingScopeError("admin");\n  return named;',
        to: "return named;",
      },
    ],
    check: checkOf(tenants, "shows a tenant no data of another tenant over HTTP"),
    failure: /\?tenant=victim: 200/,
  },
  "a search shows only the tenant's own jobs": {
    kind: tenants,
    changes: [
      {
        file: "../tracking/postgresQuery.ts",
        from: "if (tenant !== undefined) this.add(",
        to: "if (tenant === '') this.add(",
      },
    ],
    check: checkOf(tenants, "shows a tenant no data of another tenant over HTTP"),
    failure: /"jobs":\[\{/,
  },
  "a sender may use only its tenants": {
    kind: tenants,
    changes: [
      {
        file: "../requests/callers.ts",
        from: 'if (callers === undefined) return ["read", "update"];',
        to: 'return ["read", "update"];',
      },
    ],
    check: checkOf(tenants, "accepts no message for a tenant that its sender may not use"),
    failure: /a foreign message became a job/,
  },
  "an update needs its scope": {
    kind: tenants,
    changes: [
      {
        file: "../api/plugins/auth.ts",
        from: "if (!caller.scopes.includes(scope) &&",
        to: 'if (scope !== "update" && !caller.scopes.includes(scope) &&',
      },
    ],
    check: checkOf(tenants, "allows updates and uploads only with the scope update"),
    failure: /!== 403/,
  },
  "a message loads only its own tenant's uploads": {
    kind: tenants,
    changes: [
      {
        file: "../requests/accept.ts",
        from: 'if (channel === "queue" && !mayLoad(',
        to: "if (false && !mayLoad(",
      },
    ],
    check: checkOf(tenants, "loads no upload of another tenant, over HTTP or the queue"),
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
    check: checkOf(sources, "refuses forbidden sources without showing their secrets"),
    failure: /SECRET/,
  },
  "a download connects only to public addresses": {
    kind: sources,
    changes: [
      {
        file: "../runner/load/address.ts",
        from: "export function isPublicAddress(address: string): boolean {",
        to: "export function isPublicAddress(address: string): boolean {\n  return true;",
      },
      // Without the defence, the runner connects to private addresses, where nothing responds: shorten its timeout.
      { file: "../runner/load/stream.ts", from: "STALL_TIMEOUT_MS = 30_000", to: "STALL_TIMEOUT_MS = 50" },
    ],
    check: checkOf(sources, "connects only to public addresses, even for allowed hosts"),
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
  "a connection that does not speak HTTP is closed": {
    kind: sockets,
    changes: [{ file: "../api/problem.ts", from: "  socket.destroySoon();", to: "" }],
    check: checkOf(sockets, "responds to malformed requests briefly and closes the connection"),
    failure: /open after/,
  },
  "the number of connections is limited": {
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
    // On a busy machine the check times out waiting for the new client's response, before it counts connections.
    failure: /connections are open|a health check/,
  },
  "a batch's bad rows are limited": {
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
    check: checkOf(bombs, "stops early at malformed rows in a compressed file"),
    failure: /rows were read/,
  },
  "a preview truncates long cells": {
    kind: bombs,
    changes: [{ file: "../api/preview/cell.ts", from: "cell: 1_000,", to: "cell: 1_000_000," }],
    check: checkOf(bombs, "shows a preview of a result with one huge cell, at little cost"),
    failure: /a cell of \d{5,}/,
  },
  "event streams are limited per token": {
    kind: streams,
    changes: [{ file: "../api/jobHub.ts", from: "if (own >= streamsPerToken)", to: "if (false)" }],
    check: checkOf(streams, "limits the event streams per token"),
    failure: /70 !== 50/,
  },
  "a session's streams count towards its token's limit": {
    kind: streams,
    changes: [{ file: "../api/routes/events.ts", from: "hub.reserve(raw, owner);", to: "hub.reserve(raw, tokenId);" }],
    check: checkOf(streams, "counts the streams of sessions towards their token's limit"),
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
    check: checkOf(streams, "ends the streams of a revoked token"),
    failure: /the end of the streams: not within/,
  },
  "the emulator stays inside its directory": {
    kind: emulator,
    changes: [
      { file: "../local/aws/s3Paths.ts", from: "  checkPath(decodePath(at === -1 ? url : url.slice(0, at)));", to: "" },
    ],
    check: checkOf(emulator, "keeps every object inside its directory"),
    failure: /!== 400/,
  },
  "a tenant's slots are limited": {
    kind: shares,
    changes: [
      {
        file: "../platform/settings.ts",
        from: "if (tenantSlots !== undefined) return tenantSlots;",
        to: "if (tenantSlots !== undefined) return undefined;",
      },
    ],
    check: checkOf(shares, "runs a tenant's small read while another tenant fills its own slots"),
    failure: /the end of small-\d+: not within/,
  },
  "a tenant's result streams are limited": {
    kind: shares,
    changes: [
      {
        file: "../api/routes/results.ts",
        from: "finished(reply.raw, limiter.take(callerOfRequest(request).tenant));",
        to: "finished(reply.raw, () => undefined);",
      },
      {
        file: "../platform/aws.ts",
        from: "httpAgent: { maxSockets: S3_CONNECTIONS }",
        to: "httpAgent: { maxSockets: 30 }",
      },
    ],
    check: checkOf(shares, "serves a tenant's result while another leaves its results unread"),
    failure: /aborted due to timeout/,
  },
  "a call signs a limited number of upload links": {
    kind: shares,
    changes: [{ file: "../api/routes/uploads.ts", from: "const MAX_LINKS = 100;", to: "const MAX_LINKS = 10_000;" }],
    check: checkOf(shares, "signs a limited number of upload links at a time"),
    failure: /links/,
  },
  "hidden characters are shown as escapes": {
    kind: { name: "terminal escapes", checks: {} },
    check: (target) =>
      assertEscaped(target, [
        {
          file: "../cli/lib/visible.ts",
          from: "text.replace(HIDDEN_CHARACTERS, escapeOf);",
          to: "text;",
        },
      ]),
    failure: /show terminal-/,
  },
};
