import Type from "typebox";
import { JobHub } from "../jobHub.ts";
import { operation } from "../operation.ts";
import { callerOfRequest } from "../plugins/auth.ts";
import { JobId, TenantQuery } from "../schemas.ts";
import { tenantOf } from "../tenant.ts";
import { readDocument } from "./jobs.ts";
import type { JobRoutePlugin } from "./plugin.ts";

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };

/** GET /jobs/{id}/events: sends the document whenever state or progress changes, until the job has ended. */
export const eventRoute: JobRoutePlugin = async (app, { guard, ...deps }) => {
  const hub = new JobHub(deps.db, deps.settings.api.limits, app.log);
  // A draining server ends its streams; their clients reconnect to another server.
  app.addHook("preClose", async () => hub.close());
  app.get(
    "/jobs/:id/events",
    operation(guard, {
      id: "watchJob",
      tag: "jobs",
      scope: "read",
      summary: "A job's changes as server-sent events",
      description: "Each event `job` is the document; the stream ends with the job. Reconnect if it ends earlier.",
      params: JobId,
      querystring: TenantQuery,
      responses: { 200: { description: "the events", content: { "text/event-stream": Type.String() } } },
      errors: ["UnknownJob", "TooManyStreams"],
    }),
    async (request, reply) => {
      const caller = callerOfRequest(request);
      const { tokenId, owner } = caller;
      const tenant = tenantOf(caller, request.query.tenant);
      const { raw } = reply;
      hub.reserve(raw, owner);
      const document = await readDocument(deps, tenant, request.params.id);
      if (request.method === "HEAD") return reply.headers(HEADERS).send();
      reply.hijack();
      raw.writeHead(200, HEADERS);
      hub.add(raw, tokenId, tenant, request.params.id, document);
    },
  );
};
