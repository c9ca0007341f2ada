import Type from "typebox";
import { JobError } from "../../contract/errors.ts";
import { invalidRequest } from "../../contract/problemList.ts";
import { Tenant } from "../../contract/request.ts";
import { auditParameters } from "../../store/audit.ts";
import { listTokens, newToken, SCOPES } from "../../store/tokens.ts";
import { instantOf } from "../jobFilter.ts";
import { operation } from "../operation.ts";
import { actorOf, callerOfRequest } from "../plugins/auth.ts";
import { TIME } from "../schemas.ts";
import type { RoutePlugin } from "./plugin.ts";

const New = Type.Object(
  {
    name: Type.String({
      pattern: "^[^\\u0000-\\u001f\\u007f]*$",
      minLength: 1,
      maxLength: 100,
      description: "text without control characters, the purpose of the token",
    }),
    tenant: Tenant,
    scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1, uniqueItems: true }),
    expiresAt: Type.Optional(
      Type.String({
        ...TIME,
        description: "an ISO 8601 time in the future, when the token expires; default: never",
      }),
    ),
  },
  { additionalProperties: false },
);
const CreatedToken = Type.Object({
  id: Type.String(),
  token: Type.String({ description: "shown only once; not stored" }),
});
const Id = Type.Object({
  id: Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description: "a token's id, as in the list" }),
});
const List = Type.Object({
  tokens: Type.Array(
    Type.Object({
      id: Type.String(),
      kind: Type.Enum(["token", "session"], { description: "a session belongs to a signed-in user" }),
      name: Type.String(),
      tenant: Type.String(),
      scopes: Type.Array(Type.Enum([...SCOPES])),
      createdAt: Type.String({ format: "date-time" }),
      expiresAt: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
      lastUsedOn: Type.Union([Type.String({ format: "date", description: "UTC" }), Type.Null()]),
      revokedAt: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
    }),
  ),
});

/** POST /tokens, GET /tokens and DELETE /tokens/{id}: creates, lists and revokes tokens and sessions. Admins only. */
export const tokenRoutes: RoutePlugin = async (app, { db, guard }) => {
  app.post(
    "/tokens",
    operation(guard, {
      id: "createToken",
      tag: "tokens",
      scope: "admin",
      summary: "Create a token",
      body: New,
      responses: { 201: { description: "the token, shown only once", schema: CreatedToken } },
    }),
    async (request, reply) => {
      const { body } = request;
      const { expiresAt } = body;
      if (expiresAt !== undefined && Date.parse(instantOf(expiresAt)) <= Date.now())
        throw invalidRequest([{ field: "expiresAt", value: expiresAt, message: "must be a time in the future." }]);
      const { token, record } = newToken(body);
      const { id: target, name, tenant, scopes } = record;
      const detail = { name, scopes, ...(expiresAt === undefined ? {} : { expiresAt }) };
      await db.query(
        `with stored as materialized (select jobs.store_token($8, $9, $10, $1, $11, $12))
         select jobs.record_audit($1, $2, $3, $4, $5, $6, $7) from stored`,
        [
          ...auditParameters({ tenant, ...actorOf(request), action: "token.create", target, detail }),
          ...[target, record.hash, name, scopes, expiresAt === undefined ? null : instantOf(expiresAt)],
        ],
      );
      return reply.code(201).header("cache-control", "no-store").send({ id: record.id, token });
    },
  );
  app.get(
    "/tokens",
    operation(guard, {
      id: "listTokens",
      tag: "tokens",
      scope: "admin",
      summary: "All tokens, including revoked ones, and active sessions, without secrets",
      responses: {
        200: { description: "valid ones first, tokens before sessions, the newest first, at most 1,000", schema: List },
      },
    }),
    async () => ({ tokens: await listTokens(db) }),
  );
  app.delete(
    "/tokens/:id",
    operation(guard, {
      id: "revokeToken",
      tag: "tokens",
      scope: "admin",
      summary: "Revoke a token or session, and the sessions created with it, immediately",
      params: Id,
      responses: { 204: { description: "the token is no longer accepted" } },
      errors: ["UnknownToken", "TokenInUse"],
    }),
    async (request, reply) => {
      const { id } = request.params;
      // Prevents revoking the last admin token by mistake.
      const { tokenId, parent } = callerOfRequest(request);
      if (id === tokenId || id === parent) throw new JobError("TokenInUse", { id });
      const { rows } = await db.query(
        `with revoked as materialized (
           select t.tenant, t.name, t.kind from jobs.tokens t where t.id = $5 and jobs.revoke_token(t.id))
         select jobs.record_audit(tenant, $1, $2, $3, $4, $5, jsonb_build_object('name', name, 'kind', kind)) from revoked`,
        auditParameters({ tenant: "", ...actorOf(request), action: "token.revoke", target: id }).slice(1, -1),
      );
      if (rows.length === 0) throw new JobError("UnknownToken", { id });
      return reply.code(204).send();
    },
  );
};
