import { decodeCursor } from "./cursor.ts";
import type { Filter, Search } from "./store.ts";
import { matchesNoDocument } from "./tokenizer.ts";

const SORTS = {
  createdAt: { column: "created_at", type: "timestamptz" },
  finishedAt: { column: "finished_at", type: "timestamptz" },
  totalMs: { column: "total_ms", type: "bigint" },
} as const;

/** Patterns of sort values in Postgres's notation. */
const VALUE_PATTERNS = {
  bigint: /^-?\d{1,18}$/,
  timestamptz: /^(-infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?)$/,
} as const;

/** Conditions of a WHERE clause with their parameters. Conditions on words are separate (`containsWords`). */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #conditions: string[] = [];

  constructor({ tenant, text, status, type, runner, labels, createdFrom, createdTo }: Filter) {
    if (matchesNoDocument(text ?? "")) this.add("false");
    if (tenant !== undefined) this.add(`tenant = ${this.parameter(tenant)}`);
    // A single state is compared by equality, not with a list: then the index by state also provides the order of a page.
    if (status === undefined) this.add("status <> 'REJECTED'");
    if (status?.length === 1) this.add(`status = ${this.parameter(status[0])}`);
    else if (status !== undefined) this.add(`status = any (${this.parameter(status)})`);
    if (type !== undefined) this.add(`type = ${this.parameter(type)}`);
    if (runner !== undefined) this.add(`runner = ${this.parameter(runner)}`);
    if (createdFrom !== undefined) this.add(`created_at >= ${this.parameter(createdFrom)}`);
    if (createdTo !== undefined) this.add(`created_at < ${this.parameter(createdTo)}`);
    if (labels !== undefined) {
      const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      this.add(`labels @> ${this.parameter(pairs)}::text[]`);
    }
  }

  add(condition: string): void {
    this.#conditions.push(condition);
  }

  parameter(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  sql(): string {
    return this.#conditions.length > 0 ? `where ${this.#conditions.join(" and ")}` : "";
  }
}

/**
 * Returns the condition that a document contains each of these words or prefixes. Words consist of letters and digits,
 * so they contain no operators.
 */
export const containsWords = (where: Conditions, words: readonly string[]): string =>
  `words @@ ${where.parameter(words.map((word) => `'${word}':*`).join(" & "))}::tsquery`;

/**
 * Returns filter and order of a page, without the condition on words: `orderBy` lists the columns of ORDER BY, and `key`
 * is the expression of the cursor's value.
 *
 * @throws InvalidCursor
 */
export function pageQuery(search: Search): { where: Conditions; orderBy: string; key: string } {
  const { sort = "createdAt", order = "desc", cursor } = search;
  const { column, type } = SORTS[sort];
  // Within one tenant, ordering by its name has no effect, and would prevent use of the tenant's index.
  const columns = search.tenant === undefined ? [column, "tenant", "request_id"] : [column, "request_id"];
  const where = new Conditions(search);
  if (cursor !== undefined) {
    const { value, tenant, requestId } = decodeCursor(cursor, sort, VALUE_PATTERNS[type]);
    const at = { [column]: `${where.parameter(value)}::${type}`, tenant, request_id: requestId };
    const bounds = columns.map((name) => (name === column ? at[name] : where.parameter(at[name])));
    where.add(`(${columns}) ${order === "desc" ? "<" : ">"} (${bounds})`);
  }
  return { where, orderBy: columns.map((name) => `${name} ${order}`).join(), key: `${column}::text` };
}
