import { cutText } from "../contract/bounds.ts";
import type { Database } from "./jobs.ts";

/** Recorded actions of the audit trail. */
export const ACTIONS = [
  "submit",
  "cancel",
  "retry",
  "redrive",
  "token.create",
  "token.revoke",
  "sign-in",
  "sign-out",
] as const;
export type Action = (typeof ACTIONS)[number];

/** Client program of a call, as it identifies itself. */
export const CHANNELS = ["api", "cli", "dashboard"] as const;
export type Channel = (typeof CHANNELS)[number];

/** One recorded action. */
export interface AuditRecord {
  /** Tenant of the affected job, token or session; for a redrive, of the caller. */
  tenant: string;
  /** Id of the token or session. */
  actorId: string;
  /** Name of the token, or of the person who signed in. */
  actor: string;
  via: Channel;
  action: Action;
  /** Id of the job, token or session; for a redrive, the given error types or message ids, or `retryable`. */
  target: string;
  detail?: Readonly<Record<string, unknown>>;
}

/** An entry of the audit trail. */
export interface AuditEntry extends Required<AuditRecord> {
  id: number;
  /** ISO time. */
  at: string;
}

/** Filter of entries; missing fields match everything. */
export interface AuditFilter {
  tenant?: string | undefined;
  action?: Action | undefined;
  /** Part of the actor's name or of the target; case-insensitive. */
  text?: string | undefined;
  /** ISO times; `since` is inclusive, `until` exclusive. */
  since?: string | undefined;
  until?: string | undefined;
  /** Only entries with a lower id: the last id of the previous page. */
  before?: number | undefined;
  limit: number;
}

/** Maximum size of an entry's detail, as JSON in UTF-8; jsonb of such texts fits into the 4,096 bytes of the column. */
const MAX_DETAIL_BYTES = 2_000;
/** Length of the beginning of a larger detail, in UTF-16 code units of at most three bytes. */
const BEGINNING_LENGTH = 1_000;

/** Replaces characters that jsonb cannot store: NUL, and halves of surrogate pairs. */
const storable = (_name: string, value: unknown): unknown =>
  typeof value === "string" ? value.replaceAll("\0", "\uFFFD").toWellFormed() : value;

/** Returns the detail as JSON; a larger detail is truncated and stored as text. */
function detailJson(detail: AuditRecord["detail"] = {}): string {
  const json = JSON.stringify(detail, storable);
  return Buffer.byteLength(json) <= MAX_DETAIL_BYTES
    ? json
    : JSON.stringify({ beginning: cutText(json, BEGINNING_LENGTH) });
}

/** Parameters of jobs.record_audit, in order. */
export const auditParameters = ({ tenant, actorId, actor, via, action, target, detail }: AuditRecord): unknown[] => [
  tenant,
  actorId,
  actor,
  via,
  action,
  target,
  detailJson(detail),
];

/** Records an action whose own statement does not record it. */
export async function recordAudit(db: Database, record: AuditRecord): Promise<void> {
  await db.query("select jobs.record_audit($1, $2, $3, $4, $5, $6, $7)", auditParameters(record));
}

/** Reads entries of the audit trail, newest first. */
export async function listAudit(db: Database, filter: AuditFilter): Promise<AuditEntry[]> {
  const { tenant, action, text, since, until, before, limit } = filter;
  const { rows } = await db.query(
    `select id, jobs.iso(at) as at, tenant, actor_id, actor, via, action, target, detail from jobs.audit
     where ($1::text is null or tenant = $1) and ($2::text is null or action = $2)
       and ($3::text is null or strpos(lower(actor), lower($3)) > 0 or strpos(lower(target), lower($3)) > 0)
       and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
       and ($6::bigint is null or id < $6)
     order by id desc limit $7`,
    [tenant ?? null, action ?? null, text ?? null, since ?? null, until ?? null, before ?? null, limit],
  );
  return rows.map(({ id, actor_id, ...row }) => ({ ...row, id: Number(id), actorId: actor_id }));
}

/**
 * Cancels a job on behalf of a caller. If the job exists, the action is recorded in the same transaction.
 *
 * @returns the job's status; undefined if it does not exist
 */
export async function cancelFor(
  db: Database,
  actor: Pick<AuditRecord, "actorId" | "actor" | "via">,
  tenant: string,
  requestId: string,
  reason?: string,
): Promise<string | undefined> {
  const { rows } = await db.query(
    `with cancelled as materialized (select jobs.cancel($1, $6, $8) as status)
     select status, jobs.record_audit($1, $2, $3, $4, $5, $6, $7) from cancelled where status is not null`,
    [
      ...auditParameters({
        tenant,
        ...actor,
        action: "cancel",
        target: requestId,
        ...(reason === undefined ? {} : { detail: { reason } }),
      }),
      reason ?? null,
    ],
  );
  return rows[0]?.status;
}
