import Type from "typebox";
import { operation } from "../operation.ts";
import type { RoutePlugin } from "./plugin.ts";

const State = (word: string) => Type.Object({ status: Type.Literal(word) });

/** GET /healthz and /readyz: health checks of the container and the load balancer. */
export const healthRoutes: RoutePlugin = async (app, { db }) => {
  app.get(
    "/healthz",
    operation(undefined, {
      id: "isAlive",
      tag: "operations",
      unlimited: true,
      summary: "Check that the process is running",
      responses: { 200: { description: "the process is running", schema: State("ok") } },
    }),
    async () => ({ status: "ok" }),
  );
  app.get(
    "/readyz",
    operation(undefined, {
      id: "isReady",
      tag: "operations",
      unlimited: true,
      summary: "Check that the database is reachable",
      responses: { 200: { description: "the database is reachable", schema: State("ready") } },
    }),
    async () => {
      await db.query("select from jobs.runners limit 1");
      return { status: "ready" };
    },
  );
};
