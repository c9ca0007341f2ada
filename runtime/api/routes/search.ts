import Type from "typebox";
import { JobDocument, RejectedDocument } from "../../contract/document.ts";
import { INPUT } from "../../contract/inputLimits.ts";
import { invalidRequest, redactAndTruncate } from "../../contract/problemList.ts";
import { Tenant } from "../../contract/request.ts";
import { DOCUMENT_STATES } from "../../contract/states.ts";
import { InvalidCursor, type Search, type TrackingStore } from "../../tracking/store.ts";
import { JobFilterFields, jobFilterOf } from "../jobFilter.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { tenantOf } from "../tenant.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const Filters = Type.Object(
  {
    tenant: Type.Optional(Tenant),
    ...JobFilterFields,
    sort: Type.Enum(["createdAt", "finishedAt", "totalMs"], { default: "createdAt" }),
    order: Type.Enum(["asc", "desc"], { default: "desc" }),
    limit: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 50,
      description: "maximum number of documents; a page of long documents has fewer, and a cursor",
    }),
    cursor: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_-]+$",
        maxLength: INPUT.search.cursor,
        description: "the cursor of the previous page",
      }),
    ),
  },
  { additionalProperties: false },
);
/** Number of documents per read; each has at most 64 KiB. */
const DOCUMENTS_PER_READ = 100;
/** Size of a page at which no further documents are read. */
const PAGE_BYTES = 2 * 1024 * 1024;

const SearchPage = Type.Object({
  // Documents of earlier versions may lack fields.
  jobs: Type.Array(
    Type.Partial(
      Type.Object({
        ...JobDocument.properties,
        ...RejectedDocument.properties,
        status: Type.Enum([...DOCUMENT_STATES]),
      }),
    ),
  ),
  cursor: Type.Optional(Type.String({ description: "for the next page; absent on the last" })),
});

/** GET /jobs: text search with filters, sorted and paged. */
export const searchRoute: JobRoutePlugin = async (app, { tracking, guard }) => {
  app.get(
    "/jobs",
    operation(guard, {
      id: "searchJobs",
      tag: "jobs",
      scope: "read",
      summary: "Search jobs",
      description: "Up to a minute behind; GET /jobs/{id} is current.",
      querystring: Filters,
      responses: { 200: { description: "a page of documents", schema: SearchPage } },
      errors: ["TrackingUnavailable"],
    }),
    async (request, reply) => {
      const { tenant, sort, order, limit, cursor: start, ...fields } = request.query;
      const caller = callerOfRequest(request);
      const isForAll = caller.scopes.includes("admin") && tenant === undefined;
      const page = { sort, order, limit, ...(start === undefined ? {} : { cursor: start }) };
      const search = { ...page, ...(isForAll ? {} : { tenant: tenantOf(caller, tenant) }), ...jobFilterOf(fields) };
      const { documents, cursor } = await readPage(tracking, search).catch((error: unknown) => {
        if (!(error instanceof InvalidCursor)) throw error;
        throw invalidRequest([{ field: "cursor", value: redactAndTruncate(start), message: error.message }]);
      });
      const next = cursor === undefined ? "" : `,"cursor":${JSON.stringify(cursor)}`;
      return reply.type("application/json; charset=utf-8").send(`{"jobs":[${documents.join()}]${next}}`);
    },
  );
};

/**
 * Reads a page of documents as JSON texts, a few at a time so that other requests can run. Ends early, with a cursor,
 * at the maximum size.
 */
export async function readPage(
  tracking: TrackingStore,
  search: Search,
): Promise<{ documents: string[]; cursor: string | undefined }> {
  const documents: string[] = [];
  let bytes = 0;
  let { cursor } = search;
  do {
    const limit = Math.min(DOCUMENTS_PER_READ, search.limit - documents.length);
    const page = await tracking.search({ ...search, limit, ...(cursor === undefined ? {} : { cursor }) });
    for (const document of page.documents) {
      const text = JSON.stringify(document);
      bytes += Buffer.byteLength(text);
      documents.push(text);
    }
    cursor = page.cursor;
  } while (cursor !== undefined && documents.length < search.limit && bytes < PAGE_BYTES);
  return { documents, cursor };
}
