import type { JobDocument, RejectedDocument } from "../../../contract/document.ts";
import type { DocumentState, RunnerType } from "../../../contract/states.ts";
import type { Activity, PlatformStatus } from "../../../monitoring/activity.ts";
import type { Verdict } from "../../../monitoring/bottleneck.ts";
import type { Usage } from "../../../monitoring/totals.ts";
import type { QueryDescription } from "../../../queries/catalogue.ts";
import type { DeadLetterCause } from "../../../requests/deadLetterCauses.ts";
import type { DeadLetterPage } from "../../../requests/deadLetters.ts";
import type { Scope } from "../../../store/tokens.ts";

/** Types of the API's responses that the dashboard uses. This file is not served. */

export type Runner = PlatformStatus[RunnerType] & { working: number; slots: number; paused?: string };

/** GET /session */
export interface Session {
  id: string;
  kind: "token" | "session";
  name: string;
  tenant: string;
  scopes: Scope[];
  expiresAt?: string;
}

/** GET /stats/figures; the state of the platform is for admins only. */
export interface Figures {
  caller: { tenant: string; scopes: Scope[] };
  activity: Activity;
  platform?: PlatformStatus["platform"];
  bottleneck?: Verdict;
  runners?: Record<RunnerType, Runner>;
  database?: PlatformStatus["database"];
  queues?: { requests?: number; deadLetters?: number };
}

/** A job's document; GET /jobs/{id} adds the estimated cost. */
export type Job = JobDocument & { estimatedUsd?: number };

/** An entry of GET /jobs: a job, or a rejected request, which lacks most fields of a job. */
export type ListedJob = Omit<Partial<Job>, keyof RejectedRequest> &
  Pick<Job, "requestId" | "tenant" | "createdAt" | "finishedAt" | "error" | "labels"> & {
    status: DocumentState;
    rejectedId?: string;
  };

/** GET /rejected/{id} */
export type RejectedRequest = RejectedDocument;

/** GET /queries */
export interface Catalogue {
  queries: QueryDescription[];
  statements: QueryDescription[];
  rawSql: boolean;
  tables: { name: string; columns: { name: string; type: string }[] }[];
}

/** GET /jobs/{id}/preview */
export interface Preview {
  columns: string[];
  rows: (string | null)[][];
  more: boolean;
  furtherColumns?: number;
}

/** POST /explain */
export interface Explanation {
  route: RunnerType;
  room: { slots: number; running?: number; waiting?: number; now: boolean };
  estimatedRows?: number;
  estimatedBytes?: number;
}

/** A tenant in the response of GET /usage. */
export type TenantUsage = Usage & { estimatedUsd?: number };

/** GET /usage */
export interface UsageMonth {
  month: string;
  tenants: TenantUsage[];
  furtherTenants: boolean;
}

/** GET /dead-letters */
export type { DeadLetterCause, DeadLetterPage };
