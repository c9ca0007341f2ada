import { distance } from "fastest-levenshtein";
import type { Problem } from "../contract/errors.ts";
import { redactAndTruncate } from "../contract/problemList.ts";
import { isObject } from "../contract/problems.ts";
import type { Database } from "../store/jobs.ts";
import { findQuery, findStatement } from "./catalogue.ts";
import { checkValue } from "./parameters.ts";

/** A port or a region. */
export interface Place {
  /** A port's code or a region's slug. */
  code: string;
  name: string;
}

/** Maximum number of places that are compared with an unknown place, and of suggestions. */
const MAX_COMPARED = 2_000;
const MAX_SUGGESTIONS = 3;
/** Maximum compared characters of a value or name. */
const MAX_LENGTH = 64;

/** Returns the place parameters of a task that have valid values. The task itself may be invalid. */
function placesOf(task: unknown): { name: string; value: string }[] {
  const { query: queryName, statement, params } = (isObject(task) ? task : {}) as Record<string, unknown>;
  const query =
    typeof queryName === "string"
      ? findQuery(queryName)
      : typeof statement === "string"
        ? findStatement(statement)
        : undefined;
  if (query === undefined || !isObject(params)) return [];
  return query.params.flatMap(({ name, type }) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    const isPlace = type === "place" && typeof value === "string" && checkValue(type, value) === undefined;
    return isPlace ? [{ name, value }] : [];
  });
}

/**
 * Checks that the place parameters of tasks name ports or regions.
 * @param tasks may be invalid; invalid values are skipped
 * @returns the problems per task; they suggest the nearest places
 */
export async function placeProblems(db: Database, tasks: readonly unknown[]): Promise<Problem[][]> {
  const places = tasks.map(placesOf);
  const values = [...new Set(places.flat().map(({ value }) => value))];
  if (values.length === 0) return tasks.map(() => []);
  const { rows } = await db.query(
    `select given.code from unnest($1::text[]) as given(code)
     where not exists (select from public.ports where ports.code = given.code)
       and not exists (select from public.regions where regions.slug = given.code)`,
    [values],
  );
  const unknown = new Map<string, string>();
  for (const { code } of rows as { code: string }[]) unknown.set(code, await unknownPlaceMessage(db, code));
  return places.map((parameters) =>
    parameters.flatMap(({ name, value }) => {
      const message = unknown.get(value);
      return message === undefined ? [] : [{ field: `task.params.${name}`, value: redactAndTruncate(value), message }];
    }),
  );
}

async function unknownPlaceMessage(db: Database, text: string): Promise<string> {
  const nearest = await nearestPlaces(db, text);
  const hint = "`rates places TEXT` (GET /places) finds places.";
  if (nearest.length === 0) return `is not a known port code or region slug. ${hint}`;
  const names = nearest.map(({ code, name }) => (code === name ? code : `${code} (${name})`));
  const last = names.pop();
  return `is not a known place. Did you mean ${names.length === 0 ? last : `${names.join(", ")} or ${last}`}? ${hint}`;
}

/** Returns up to three places whose code or name is nearest to a text. */
export async function nearestPlaces(db: Database, text: string): Promise<Place[]> {
  const search = text.trim().toLowerCase().slice(0, MAX_LENGTH);
  if (search === "") return [];
  const { rows } = await db.query(
    `select code, name from (
       select code, name from public.ports union all select slug, name from public.regions) places
     where strpos(lower(code), $1) > 0 or strpos(lower(name), $1) > 0
       or abs(length(code) - length($1)) <= 3 or abs(length(name) - length($1)) <= 3
     order by strpos(lower(code), $1) > 0 or strpos(lower(name), $1) > 0 desc, left(lower(code), 2) = left($1, 2) desc,
       left(lower(name), 2) = left($1, 2) desc, right(lower(code), 3) = right($1, 3) desc, code
     limit ${MAX_COMPARED}`,
    [search],
  );
  const maxDistance = Math.max(2, Math.floor(search.length / 3));
  return (rows as Place[])
    .map((place) => ({ place, distance: editDistance(search, place) }))
    .filter(({ distance }) => distance <= maxDistance)
    .sort((a, b) => a.distance - b.distance || (a.place.code < b.place.code ? -1 : 1))
    .slice(0, MAX_SUGGESTIONS)
    .map(({ place }) => place);
}

/**
 * Returns the edit distance to the nearer of a place's code and name; at most 1 if the text has three characters or more
 * and is a prefix of either.
 */
function editDistance(text: string, { code, name }: Place): number {
  const candidates = [code, name].map((text) => text.toLowerCase().slice(0, MAX_LENGTH));
  const isPrefix = text.length >= 3 && candidates.some((candidate) => candidate !== text && candidate.startsWith(text));
  return Math.min(isPrefix ? 1 : Number.POSITIVE_INFINITY, ...candidates.map((candidate) => distance(text, candidate)));
}
