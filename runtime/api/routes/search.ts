import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { INPUT } from "../../contract/inputLimits.ts";
import { brief } from "../../contract/problemList.ts";
import { Tenant } from "../../contract/request.ts";
import { DOCUMENT_STATES, RUNNERS } from "../../contract/states.ts";
import { InvalidCursor, type Search, type TrackingStore } from "../../tracking/store.ts";
import type { JobDeps } from "../deps.ts";
import { operation } from "../operation.ts";
import { callerOfRequest, type Guard } from "../plugins/auth.ts";
import { invalid } from "../problem.ts";
import { JobDocument, RejectedDocument } from "../schemas.ts";
import { tenantOf } from "./jobs.ts";

/** Postgres has no year 0. */
const Time = Type.String({
  format: "date-time",
  pattern: "^(?!0000)",
  maxLength: INPUT.search.time,
  description: "an ISO time with its offset, as in 2026-01-31T00:00:00Z",
});

const Filters = Type.Object(
  {
    tenant: Type.Optional(Tenant),
    text: Type.Optional(
      Type.String({ maxLength: INPUT.search.text, description: "words in the request id, labels, query or error" }),
    ),
    status: Type.Optional(
      Type.Enum([...DOCUMENT_STATES], {
        description: "REJECTED: requests that made no job; left out, jobs in any state",
      }),
    ),
    type: Type.Optional(Type.Enum(["read", "update"])),
    runner: Type.Optional(Type.Enum([...RUNNERS])),
    label: Type.Optional(
      Type.String({
        pattern: "^[^=\\u0000]+=[^\\u0000]*$",
        maxLength: INPUT.labels.name + 1 + INPUT.labels.value,
        description: "of the form key=value",
      }),
    ),
    createdFrom: Type.Optional(Time),
    createdTo: Type.Optional(Time),
    sort: Type.Enum(["createdAt", "finishedAt", "totalMs"], { default: "createdAt" }),
    order: Type.Enum(["asc", "desc"], { default: "desc" }),
    limit: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 50,
      description: "documents at most; a page of long ones has fewer, and a cursor",
    }),
    cursor: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_-]+$",
        maxLength: INPUT.search.cursor,
        description: "the cursor of an earlier page",
      }),
    ),
  },
  { additionalProperties: false },
);
/** Documents that are read at once: each has at most 64 KiB. */
const DOCUMENTS_AT_ONCE = 100;
/** Size of an answer after which no further documents are read into it. */
const PAGE_BYTES = 2 * 1024 * 1024;

const Found = Type.Object({
  // Documents may be of an earlier version's making: what they hold has grown since.
  jobs: Type.Array(
    Type.Partial(
      Type.Object({
        ...JobDocument.properties,
        ...RejectedDocument.properties,
        status: Type.Enum([...DOCUMENT_STATES]),
      }),
    ),
  ),
  cursor: Type.Optional(Type.String({ description: "for the next page; none: this is the last" })),
});

/** GET /jobs: text search, filters, sorted, a page at a time. */
export function searchRoute(app: FastifyInstance, { tracking }: JobDeps, guard: Guard): void {
  app.get<{ Querystring: Static<typeof Filters> }>(
    "/jobs",
    operation(guard, {
      id: "searchJobs",
      tag: "jobs",
      scope: "read",
      summary: "Search jobs",
      description: "Up to a second behind: GET /jobs/{id} is not.",
      querystring: Filters,
      answers: { 200: { description: "a page of documents", schema: Found } },
      errors: ["TrackingUnavailable"],
    }),
    async (request, reply) => {
      const { label, status, tenant, createdFrom, createdTo, ...search } = request.query;
      const caller = callerOfRequest(request);
      const [key = "", value = ""] = label?.split(/=(.*)/s) ?? [];
      const whose = caller.scopes.includes("admin") && tenant === undefined ? {} : { tenant: tenantOf(caller, tenant) };
      const filter = {
        ...search,
        ...whose,
        ...(status ? { status: [status] } : {}),
        ...(createdFrom ? { createdFrom: instant(createdFrom) } : {}),
        ...(createdTo ? { createdTo: instant(createdTo) } : {}),
        ...(label ? { labels: { [key]: value } } : {}),
      };
      const { documents, cursor } = await readPage(tracking, filter).catch((error: unknown) => {
        if (!(error instanceof InvalidCursor)) throw error;
        throw invalid([{ field: "cursor", value: brief(search.cursor), message: error.message }]);
      });
      const next = cursor === undefined ? "" : `,"cursor":${JSON.stringify(cursor)}`;
      return reply.type("application/json; charset=utf-8").send(`{"jobs":[${documents.join()}]${next}}`);
    },
  );
}

/**
 * Reads a page of documents as JSON texts. It ends early, with a cursor, where more would be too many bytes; a few
 * documents are read at a time, so that other requests have their turn.
 */
export async function readPage(
  tracking: TrackingStore,
  search: Search,
): Promise<{ documents: string[]; cursor: string | undefined }> {
  const documents: string[] = [];
  let bytes = 0;
  let { cursor } = search;
  do {
    const limit = Math.min(DOCUMENTS_AT_ONCE, search.limit - documents.length);
    const page = await tracking.search({ ...search, limit, ...(cursor === undefined ? {} : { cursor }) });
    for (const document of page.documents) {
      const text = JSON.stringify(document);
      bytes += text.length;
      documents.push(text);
    }
    cursor = page.cursor;
  } while (cursor !== undefined && documents.length < search.limit && bytes < PAGE_BYTES);
  return { documents, cursor };
}

/** No job is older, or younger. */
const [FIRST, LAST] = ["1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"].map((time) => Date.parse(time)) as [
  number,
  number,
];

/** A time as every store reads it: some know neither offsets of 16 hours nor what those make of the first and last years. */
function instant(time: string): string {
  // A leap second is one that JavaScript's days do not have.
  const at = Date.parse(time.replace(/:60(?=[.+\-zZ]|$)/, ":59"));
  return new Date(Math.min(LAST, Math.max(FIRST, Number.isNaN(at) ? FIRST : at))).toISOString();
}
