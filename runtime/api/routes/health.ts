import Type from "typebox";
import { operation } from "../operation.ts";
import type { RoutePlugin } from "./plugin.ts";

const State = (word: string) => Type.Object({ status: Type.Literal(word) });

/** GET /healthz and /readyz, for whoever decides whether this process is to be restarted, or sent requests. */
export const healthRoutes: RoutePlugin = async (app, { db }) => {
  app.get(
    "/healthz",
    operation(undefined, {
      id: "isAlive",
      tag: "operations",
      unlimited: true,
      summary: "Whether this process lives",
      answers: { 200: { description: "it does", schema: State("ok") } },
    }),
    async () => ({ status: "ok" }),
  );
  app.get(
    "/readyz",
    operation(undefined, {
      id: "isReady",
      tag: "operations",
      unlimited: true,
      summary: "Whether the database answers",
      answers: { 200: { description: "it does", schema: State("ready") } },
    }),
    async () => {
      await db.query("select from jobs.runners limit 1");
      return { status: "ready" };
    },
  );
};
