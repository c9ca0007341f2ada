import Type, { type Static } from "typebox";
import { cutText } from "../contract/bounds.ts";
import { RejectedDocument } from "../contract/document.ts";
import type { Database } from "../store/jobs.ts";

/** Filter of rejected requests; fields are combined with AND. */
export interface RejectedFilter {
  /** Undefined for all tenants. */
  tenant?: string | undefined;
  /** Error type. */
  type?: string | undefined;
  source?: "queue" | "http" | undefined;
  /** Part of the request id, the error's message or the body's beginning; case-insensitive. */
  text?: string | undefined;
  /** Beginning of the rejectedId. */
  prefix?: string | undefined;
  /** ISO times of the last copy; `since` is inclusive, `until` is exclusive. */
  since?: string | undefined;
  until?: string | undefined;
}

/** Maximum number of requests that are counted. */
const MAX_COUNTED = 10_000;
/** Maximum lengths of a message and of a body in a list. Characters. */
const MAX_MESSAGE = 500;
const MAX_BODY = 300;

const Count = Type.Integer({ minimum: 0 });
const Time = Type.String({ format: "date-time" });
/** A page of rejected requests, newest first, with counts by error type. */
export const RejectedPage = Type.Object({
  total: Type.Integer({ minimum: 0, description: `matching requests, at most ${MAX_COUNTED}` }),
  isMore: Type.Boolean({ description: "true if more requests match than were counted" }),
  causes: Type.Array(
    Type.Object({ type: Type.String(), count: Count, copies: Count, firstSeenAt: Time, lastSeenAt: Time }),
    { description: "matching requests by error type, the most frequent first" },
  ),
  rejected: Type.Array(
    Type.Object({
      ...Type.Pick(RejectedDocument, ["rejectedId", "requestId", "tenant", "source", "copies"]).properties,
      type: Type.String({ description: "error type" }),
      message: Type.String(),
      problem: Type.Optional(Type.String({ description: "the first problem of an invalid request, with its field" })),
      body: Type.String({ description: "the beginning of the request as JSON, with secrets removed from URLs" }),
      firstSeenAt: Time,
      lastSeenAt: Time,
    }),
  ),
});
export type RejectedPage = Static<typeof RejectedPage>;

/** Lists rejected requests, with counts by error type. */
export async function listRejected(
  db: Database,
  { tenant, type, source, text, prefix, since, until }: RejectedFilter,
  { limit, before }: { limit: number; before?: string | undefined },
): Promise<RejectedPage> {
  const matching = `from jobs.rejected_documents
     where ($1::text is null or tenant = $1) and ($2::text is null or error_type = $2) and ($3::text is null or source = $3)
       and ($4::text is null or strpos(lower(concat_ws(' ', request_id, error_message, body)), lower($4)) > 0)
       and ($5::text is null or starts_with(id, $5))
       and ($6::timestamptz is null or last_at >= $6) and ($7::timestamptz is null or last_at < $7)`;
  const values = [tenant, type, source, text, prefix, since, until].map((value) => value ?? null);
  const [page, causes] = await Promise.all([
    db.query(
      `select id as "rejectedId", request_id as "requestId", tenant, source, copies, error_type as type,
         error_message as message, body,
         concat_ws(' ', document #>> '{error,details,0,field}', document #>> '{error,details,0,message}') as problem, jobs.iso(created_at) as "firstSeenAt", jobs.iso(last_at) as "lastSeenAt" ${matching}
         and ($8::text is null or (last_at, id) < (select last_at, id from jobs.rejected_documents where id = $8 and ($1::text is null or tenant = $1)))
       order by last_at desc, id desc limit $9`,
      [...values, before ?? null, limit],
    ),
    db.query(
      `select error_type as type, count(*)::int as count, sum(copies)::int as copies,
         jobs.iso(min(created_at)) as "firstSeenAt", jobs.iso(max(last_at)) as "lastSeenAt"
       from (select error_type, copies, created_at, last_at ${matching} order by last_at desc, id desc limit ${MAX_COUNTED + 1}) newest
       group by error_type order by count(*) desc, error_type`,
      values,
    ),
  ]);
  const counted = causes.rows.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
  return {
    rejected: page.rows.map(({ message, body, problem, ...row }) => ({
      ...row,
      ...(problem === "" ? {} : { problem: cutText(problem, MAX_MESSAGE) }),
      message: cutText(message ?? "", MAX_MESSAGE),
      body: cutText(body, MAX_BODY),
    })),
    causes: causes.rows,
    total: Math.min(counted, MAX_COUNTED),
    isMore: counted > MAX_COUNTED,
  };
}
