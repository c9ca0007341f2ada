import { hash } from "node:crypto";
import type { onRequestHookHandler } from "fastify";
import Type from "typebox";
import { INPUT } from "../../contract/inputLimits.ts";
import { invalidRequest, ProblemList, redactAndTruncate } from "../../contract/problemList.ts";
import { matchesEtag } from "../etag.ts";
import { operation } from "../operation.ts";
import { dayNumber, formatDay, type RatesQuery, RatesReader, ratesJson } from "../ratesReader.ts";
import type { RoutePlugin } from "./plugin.ts";

const PARAMETERS = ["date_from", "date_to", "orig_code", "dest_code"] as const;
/**
 * Maximum number of concurrent statements of /rates. A third one costs 15 % more database time per
 * request, and gains no throughput.
 */
const MAX_STATEMENTS = 2;
type Query = Record<string, string | string[] | undefined>;

const Rates = Type.Object({
  rates: Type.Array(
    Type.Object({
      count: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
        description: "number of prices; null on days without prices",
      }),
      day: Type.String({ format: "date" }),
      price: Type.Union([Type.Number(), Type.Null()], {
        description: "average price; null for fewer than three prices",
      }),
    }),
  ),
});

const EXAMPLE = {
  rates: [
    { count: 5, day: "2021-01-02", price: 1112.4 },
    { count: null, day: "2021-01-01", price: null },
  ],
};
const ETAG = { ETag: Type.String({ description: "for If-None-Match" }) };
const dateParameter = (description: string) =>
  Type.String({ pattern: "^(?!0000)\\d{4}-\\d{1,2}-\\d{1,2}$", description, examples: ["2021-01-31"] });
const placeParameter = (description: string) =>
  Type.String({ minLength: 1, maxLength: INPUT.place, description, examples: ["CNSHA"] });
const Querystring = Type.Object(
  {
    date_from: dateParameter("first day, YYYY-MM-DD"),
    date_to: dateParameter("last day, YYYY-MM-DD; a range that ends before it begins is empty"),
    orig_code: placeParameter(
      "origin: a port's code, or a region's slug, which includes every port in it and in its subregions",
    ),
    dest_code: placeParameter("destination: a port's code, or a region's slug"),
  },
  { additionalProperties: true },
);

/**
 * GET /rates, compatible with the service that it replaces (xeneta/operations-task, rates.py): an entry for every day
 * of the range, newest first.
 */
export const ratesRoute: RoutePlugin = async (app, { db, settings: { api }, guard, limits: { rates } }) => {
  const reader = new RatesReader(db, Math.min(MAX_STATEMENTS, api.poolMax));
  const openHooks: onRequestHookHandler[] = rates ? [(request, reply) => rates(request, reply)] : [];
  const onRequest = api.openRates ? openHooks : [guard("read", rates)];
  const documented = operation(undefined, {
    id: "getRates",
    tag: "prices",
    scope: api.openRates ? undefined : "read",
    summary: "Average prices per day between ports or regions",
    querystring: Querystring,
    responses: {
      200: {
        description: "an entry for every day of the range, newest first",
        schema: Rates,
        headers: ETAG,
        example: EXAMPLE,
      },
      304: { description: "not modified", headers: ETAG },
    },
  });
  const addRoute = (path: string, hide: boolean) =>
    app.get<{ Querystring: Query }>(
      path,
      {
        logLevel: "warn",
        ...documented,
        schema: { ...documented.schema, hide },
        onRequest,
        // The handler validates the query itself, which is faster on this hot path and gives the contract's messages.
        validatorCompiler: () => () => true,
        serializerCompiler: () => (data: unknown) => data as string,
      },
      (request, reply) => {
        const query = parseQuery(request.query, api.ratesDays);
        reader.read(query).then(
          (result) => {
            const json = ratesJson(query, result);
            const etag = `"${hash("sha256", json, "base64url")}"`;
            reply.header("etag", etag).header("cache-control", "no-cache");
            if (matchesEtag(request.headers["if-none-match"], etag)) reply.code(304).send();
            else reply.header("content-type", "application/json; charset=utf-8").send(json);
          },
          (error: Error) => reply.send(error),
        );
        // The reply is not returned, since Fastify would then wait for its end, which takes 5 % of a request's time.
      },
    );
  addRoute("/rates", false);
  addRoute("/rates/", true);
};

/**
 * Parses the query.
 * @throws JobError InvalidRequest with all problems
 */
function parseQuery(query: Query, maxDays: number): RatesQuery {
  // Like the original, uses the first value of a repeated parameter and ignores unknown parameters.
  const date_from = firstValue(query.date_from);
  const date_to = firstValue(query.date_to);
  const orig_code = firstValue(query.orig_code);
  const dest_code = firstValue(query.dest_code);
  const from = normalizeDate(date_from);
  const to = normalizeDate(date_to);
  if (
    from &&
    to &&
    orig_code &&
    dest_code &&
    orig_code.length <= INPUT.place &&
    dest_code.length <= INPUT.place &&
    !`${orig_code}${dest_code}`.includes("\0")
  ) {
    if (dayNumber(to) - dayNumber(from) < maxDays) {
      return { from, to, origin: orig_code, destination: dest_code };
    }
    throw invalidRequest([
      {
        field: "date_to",
        value: date_to,
        message: `makes a range of more than ${maxDays} days. Request a shorter range, or submit a read job.`,
      },
    ]);
  }
  const problems = new ProblemList();
  for (const name of PARAMETERS) {
    const value = firstValue(query[name]);
    if (value === undefined || value === "") problems.add(() => ({ field: name, message: "is missing." }));
    else if (name.startsWith("date") && !normalizeDate(value))
      problems.add(() => ({
        field: name,
        value: redactAndTruncate(value),
        message: "must be a valid date (YYYY-MM-DD).",
      }));
    else if (value.length > INPUT.place)
      problems.add(() => ({ field: name, value, message: `must have at most ${INPUT.place} characters.` }));
    else if (value.includes("\0")) problems.add(() => ({ field: name, message: "contains a NUL character." }));
  }
  throw invalidRequest(problems);
}

const firstValue = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

/**
 * Normalizes a date to YYYY-MM-DD; undefined if it is invalid. Like the original, accepts months and days of one digit.
 */
function normalizeDate(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const parts = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(value);
  if (!parts || parts[1] === "0000") return undefined;
  const date = value.length === 10 ? value : `${parts[1]}-${parts[2]?.padStart(2, "0")}-${parts[3]?.padStart(2, "0")}`;
  const number = dayNumber(date);
  // Dates such as February 30 would roll over to the next month.
  return Number.isNaN(number) || formatDay(number) !== date ? undefined : date;
}
