import { decodeCursor } from "./cursor.ts";
import type { Filter, Search } from "./store.ts";
import { isUnfindable } from "./tokenizer.ts";

const SORTS = {
  createdAt: { column: "created_at", type: "timestamptz" },
  finishedAt: { column: "finished_at", type: "timestamptz" },
  totalMs: { column: "total_ms", type: "bigint" },
} as const;

/** Patterns of sort values in Postgres's notation. */
const FORM = {
  bigint: /^-?\d{1,18}$/,
  timestamptz: /^(-infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?)$/,
} as const;

/** Conditions of a WHERE clause with their parameters. Conditions on words are separate (`containsWords`). */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  constructor({ tenant, text, status, type, runner, labels, createdFrom, createdTo }: Filter) {
    if (isUnfindable(text ?? "")) this.add("false");
    if (tenant !== undefined) this.add(`tenant = ${this.value(tenant)}`);
    // A single state uses equality instead of a list: then its index also provides the order of a page.
    if (status === undefined) this.add("status <> 'REJECTED'");
    if (status?.length === 1) this.add(`status = ${this.value(status[0])}`);
    else if (status !== undefined) this.add(`status = any (${this.value(status)})`);
    if (type !== undefined) this.add(`type = ${this.value(type)}`);
    if (runner !== undefined) this.add(`runner = ${this.value(runner)}`);
    if (createdFrom !== undefined) this.add(`created_at >= ${this.value(createdFrom)}`);
    if (createdTo !== undefined) this.add(`created_at < ${this.value(createdTo)}`);
    if (labels !== undefined) {
      const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      this.add(`labels @> ${this.value(pairs)}::text[]`);
    }
  }

  add(condition: string): void {
    this.#conditions.push(condition);
  }

  value(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  sql(): string {
    return this.#conditions.length > 0 ? `where ${this.#conditions.join(" and ")}` : "";
  }
}

/**
 * Returns the condition that all these words or prefixes occur. They consist of letters and digits, so they contain no
 * operators.
 */
export const containsWords = (where: Conditions, words: readonly string[]): string =>
  `words @@ ${where.value(words.map((word) => `'${word}':*`).join(" & "))}::tsquery`;

/**
 * Returns filter and order of a page, without words: `by` for ORDER BY, and `key` for the cursor.
 *
 * @throws InvalidCursor
 */
export function pageQuery(search: Search): { where: Conditions; by: string; key: string } {
  const { sort = "createdAt", order = "desc", cursor } = search;
  const { column, type } = SORTS[sort];
  // Within one tenant, ordering by its name has no effect, and would prevent use of the tenant's index.
  const columns = search.tenant === undefined ? [column, "tenant", "request_id"] : [column, "request_id"];
  const where = new Conditions(search);
  if (cursor !== undefined) {
    const { value, tenant, requestId } = decodeCursor(cursor, sort, FORM[type]);
    const at = { [column]: `${where.value(value)}::${type}`, tenant, request_id: requestId };
    const bounds = columns.map((name) => (name === column ? at[name] : where.value(at[name])));
    where.add(`(${columns}) ${order === "desc" ? "<" : ">"} (${bounds})`);
  }
  return { where, by: columns.map((name) => `${name} ${order}`).join(), key: `${column}::text` };
}
