import Type from "typebox";
import { RequestId, Tenant } from "../contract/request.ts";

/** Id of the job that the example submission creates. */
export const EXAMPLE_ID = "average-2021-01";
export const JobId = Type.Object({ id: { ...RequestId, examples: [EXAMPLE_ID] } });
/** Query of operations on one job; an admin may name another tenant. */
export const TenantQuery = Type.Object(
  { tenant: Type.Optional(Tenant) },
  { additionalProperties: false, description: "another tenant than the token's; admins only" },
);
export const STATUS_EXAMPLE = { requestId: "prices-2026-01", tenant: "default", status: "PENDING" };
