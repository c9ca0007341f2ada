import Type from "typebox";
import { RequestId, Tenant } from "../contract/request.ts";

/** Rule of a time, as problems and descriptions state it. */
export const TIME_RULE = "an ISO 8601 time with an offset, for example 2026-01-31T00:00:00Z";
/** Keywords of a time in the years 1000 to 9999. */
export const TIME = { format: "date-time", pattern: "^[1-9]\\d{3}-", rule: TIME_RULE } as const;
/** Keywords of a text without NUL characters: Postgres cannot store them. */
export const NO_NUL = { pattern: "^[^\\u0000]*$", rule: "text without NUL characters" } as const;

/** Id of the job that the example submission creates. */
export const EXAMPLE_ID = "average-2021-01";
export const JobId = Type.Object({ id: { ...RequestId, examples: [EXAMPLE_ID] } });
/** Query of operations on one job; an admin may name another tenant. */
export const TenantQuery = Type.Object(
  { tenant: Type.Optional(Tenant) },
  { additionalProperties: false, description: "another tenant than the token's; admins only" },
);
export const STATUS_EXAMPLE = { requestId: "prices-2026-01", tenant: "default", status: "PENDING" };
