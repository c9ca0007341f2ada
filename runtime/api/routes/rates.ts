import { hash } from "node:crypto";
import type { onRequestHookHandler } from "fastify";
import Type from "typebox";
import { INPUT } from "../../contract/inputLimits.ts";
import { ProblemList, redactAndTruncate } from "../../contract/problemList.ts";
import { matchesEtag } from "../etag.ts";
import { operation } from "../operation.ts";
import { invalid } from "../problem.ts";
import { dayNumber, type RatesQuestion, RatesReader, ratesJson } from "../ratesReader.ts";
import type { RoutePlugin } from "./plugin.ts";

const PARAMETERS = ["date_from", "date_to", "orig_code", "dest_code"] as const;
/** Concurrent statements of /rates. A third costs 15 % more database time per request and gains no throughput. */
const STATEMENTS = 2;
type Query = Record<string, string | string[] | undefined>;

const Rates = Type.Object({
  rates: Type.Array(
    Type.Object({
      count: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
        description: "prices of that day, null where there is none",
      }),
      day: Type.String({ format: "date" }),
      price: Type.Union([Type.Number(), Type.Null()], {
        description: "their average, null where there are fewer than three",
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
const day8601 = (description: string) =>
  Type.String({ pattern: "^(?!0000)\\d{4}-\\d{1,2}-\\d{1,2}$", description, examples: ["2021-01-31"] });
const code = (description: string) =>
  Type.String({ minLength: 1, maxLength: INPUT.place, description, examples: ["CNSHA"] });
const Question = Type.Object(
  {
    date_from: day8601("first day, YYYY-MM-DD"),
    date_to: day8601("last day, YYYY-MM-DD; a range that ends before it begins is empty"),
    orig_code: code("origin: a port's code, or a region's slug, which stands for every port in it and below it"),
    dest_code: code("destination: a port's code, or a region's slug"),
  },
  { additionalProperties: true },
);

/**
 * GET /rates, as the service that this one replaces answers it (xeneta/operations-task, rates.py): an entry for every
 * day of the range, newest first.
 */
export const ratesRoute: RoutePlugin = async (app, { db, settings: { api }, guard, limits: { rates } }) => {
  const reader = new RatesReader(db, Math.min(STATEMENTS, api.poolMax));
  const open: onRequestHookHandler[] = rates ? [(request, reply) => rates(request, reply)] : [];
  const onRequest = api.openRates ? open : [guard("read", rates)];
  const documented = operation(undefined, {
    id: "getRates",
    tag: "prices",
    scope: api.openRates ? undefined : "read",
    summary: "Average prices a day from port to port",
    querystring: Question,
    answers: {
      200: {
        description: "an entry for every day of the range, newest first",
        schema: Rates,
        headers: ETAG,
        example: EXAMPLE,
      },
      304: { description: "what you have is what there is", headers: ETAG },
    },
  });
  const answer = (path: string, hide: boolean) =>
    app.get<{ Querystring: Query }>(
      path,
      {
        logLevel: "warn",
        ...documented,
        schema: { ...documented.schema, hide },
        onRequest,
        // The handler checks by hand: it names what is wrong in the contract's words, and this route is the hot one.
        validatorCompiler: () => () => true,
        serializerCompiler: () => (data: unknown) => data as string,
      },
      (request, reply) => {
        const question = parse(request.query, api.ratesDays);
        reader.ask(question).then(
          (answer) => {
            const json = ratesJson(question, answer);
            const etag = `"${hash("sha256", json, "base64url")}"`;
            reply.header("etag", etag).header("cache-control", "no-cache");
            if (matchesEtag(request.headers["if-none-match"], etag)) reply.code(304).send();
            else reply.header("content-type", "application/json; charset=utf-8").send(json);
          },
          (error: Error) => reply.send(error),
        );
        return reply;
      },
    );
  answer("/rates", false);
  answer("/rates/", true);
};

/** The question, or all that is wrong with it. */
function parse(query: Query, maxDays: number): RatesQuestion {
  // As the original does: of a parameter given twice the first counts, and others are ignored.
  const date_from = first(query.date_from);
  const date_to = first(query.date_to);
  const orig_code = first(query.orig_code);
  const dest_code = first(query.dest_code);
  const from = day(date_from);
  const to = day(date_to);
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
    throw invalid([
      {
        field: "date_to",
        value: date_to,
        message: `makes a range of more than ${maxDays} days. Ask for a shorter one, or submit a read job.`,
      },
    ]);
  }
  const problems = new ProblemList();
  for (const name of PARAMETERS) {
    const value = first(query[name]);
    if (value === undefined || value === "") problems.add(() => ({ field: name, message: "is missing." }));
    else if (name.startsWith("date") && !day(value))
      problems.add(() => ({
        field: name,
        value: redactAndTruncate(value),
        message: "must be a day of the form YYYY-MM-DD.",
      }));
    else if (value.length > INPUT.place)
      problems.add(() => ({ field: name, value, message: `must have at most ${INPUT.place} characters.` }));
    else if (value.includes("\0")) problems.add(() => ({ field: name, message: "holds a NUL character." }));
  }
  throw invalid(problems);
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** YYYY-MM-DD of a day that exists; as the original, it takes months and days of one digit too. */
function day(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const parts = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(value);
  if (!parts || parts[1] === "0000") return undefined;
  const name = value.length === 10 ? value : `${parts[1]}-${parts[2]?.padStart(2, "0")}-${parts[3]?.padStart(2, "0")}`;
  const at = Date.parse(name);
  // A day that a month does not have would read back as one of the next month.
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== name ? undefined : name;
}
