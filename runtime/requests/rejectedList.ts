import { cutText } from "../contract/bounds.ts";
import type { Database } from "../store/jobs.ts";

/** Filter of rejected requests; fields are combined with AND. */
export interface RejectedFilter {
  /** Undefined: those of all tenants. */
  tenant?: string | undefined;
  /** Error class. */
  type?: string | undefined;
  source?: "queue" | "http" | undefined;
  /** Part of the request id, the error's message or the body's beginning, whatever the case. */
  text?: string | undefined;
  /** Beginning of the id. */
  prefix?: string | undefined;
  /** ISO times of the last copy; since inclusive, until exclusive. */
  since?: string | undefined;
  until?: string | undefined;
}

/** A rejected request in a list. */
export interface RejectedEntry {
  rejectedId: string;
  requestId: string;
  tenant: string;
  source: "queue" | "http";
  /** Number of deliveries. */
  copies: number;
  /** Error class and message. */
  type: string;
  message: string;
  /** The beginning of the request as JSON; URLs without secrets. */
  body: string;
  /** ISO times of the first and the last copy. */
  firstSeenAt: string;
  lastSeenAt: string;
}

/** Rejected requests of one error class in figures. */
export interface RejectedCause {
  type: string;
  /** Different requests, and how often they came together. */
  count: number;
  copies: number;
  firstSeenAt: string;
  lastSeenAt: string;
}

/** A page of rejected requests, the last that came first. */
export interface RejectedPage {
  rejected: RejectedEntry[];
  /** Of the newest requests that match, COUNTED at most. */
  causes: RejectedCause[];
  /** Requests that match, COUNTED at most. */
  total: number;
  /** True if more match than were counted. */
  isMore: boolean;
}

/** Requests that figures are made of, at most. */
export const COUNTED = 10_000;
/** Characters of a message and a body in a list. */
const MESSAGE = 500;
const BODY = 300;

/** Lists rejected requests with their figures by cause. */
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
         error_message as message, body, jobs.iso(created_at) as "firstSeenAt", jobs.iso(last_at) as "lastSeenAt" ${matching}
         and ($8::text is null or (last_at, id) < (select last_at, id from jobs.rejected_documents where id = $8 and ($1::text is null or tenant = $1)))
       order by last_at desc, id desc limit $9`,
      [...values, before ?? null, limit],
    ),
    db.query(
      `select error_type as type, count(*)::int as count, sum(copies)::int as copies,
         jobs.iso(min(created_at)) as "firstSeenAt", jobs.iso(max(last_at)) as "lastSeenAt"
       from (select error_type, copies, created_at, last_at ${matching} order by last_at desc, id desc limit ${COUNTED + 1}) newest
       group by error_type order by count(*) desc, error_type`,
      values,
    ),
  ]);
  const counted = causes.rows.reduce((sum: number, { count }: RejectedCause) => sum + count, 0);
  return {
    rejected: page.rows.map(({ message, body, ...row }) => ({
      ...row,
      message: cutText(message ?? "", MESSAGE),
      body: cutText(body, BODY),
    })),
    causes: causes.rows,
    total: Math.min(counted, COUNTED),
    isMore: counted > COUNTED,
  };
}
