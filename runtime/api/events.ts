import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { isTerminal } from "../jobs/states.ts";
import { callerOfRequest, type Guard } from "./auth.ts";
import type { JobDeps } from "./deps.ts";
import { documentOf, tenantOf } from "./jobs.ts";
import { operation } from "./operation.ts";
import { JobId, Whose } from "./schemas.ts";
import { SILENT_SECONDS } from "./times.ts";

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
const LOOK_MS = 250;

/** GET /jobs/{id}/events: the document whenever state or progress changes, until the job has ended. */
export function eventRoute(app: FastifyInstance, deps: JobDeps, guard: Guard): void {
  const closing = new AbortController();
  // A stream lasts as long as its job; a server that drains ends it, and its reader comes back to the next one.
  app.addHook("preClose", async () => closing.abort());
  app.get<{ Params: Static<typeof JobId>; Querystring: Static<typeof Whose> }>(
    "/jobs/:id/events",
    operation(guard, {
      id: "watchJob",
      tag: "jobs",
      scope: "read",
      summary: "A job's changes as server-sent events",
      description:
        "Each event `job` is the document; the stream ends when the job has ended. Come back if it ends before.",
      params: JobId,
      querystring: Whose,
      answers: { 200: { description: "the events", content: { "text/event-stream": Type.String() } } },
      errors: ["UnknownJob"],
    }),
    async (request, reply) => {
      const tenant = tenantOf(callerOfRequest(request), request.query.tenant);
      let document = await documentOf(deps, tenant, request.params.id);
      if (request.method === "HEAD") return reply.headers(HEADERS).send();
      reply.hijack();
      const { raw } = reply;
      const closed = new AbortController();
      raw.once("close", () => closed.abort());
      const signal = AbortSignal.any([closed.signal, closing.signal]);
      raw.writeHead(200, HEADERS);
      let shown = "";
      let wrote = Date.now();
      const write = async (text: string) => {
        wrote = Date.now();
        if (!raw.write(text)) await once(raw, "drain", { signal });
      };
      try {
        for (;;) {
          const { status, progress } = document as { status: string; progress: unknown };
          const now = JSON.stringify([status, progress]);
          if (now !== shown) await write(`event: job\ndata: ${JSON.stringify(document)}\n\n`);
          else if (Date.now() - wrote > SILENT_SECONDS * 1000) await write(": still here\n\n");
          shown = now;
          if (isTerminal(status)) break;
          await pause(LOOK_MS, undefined, { signal });
          document = await documentOf(deps, tenant, request.params.id);
        }
      } catch (error) {
        if (!signal.aborted) request.log.warn({ err: error }, "the events ended early");
      }
      raw.end();
    },
  );
}
