const DAY_MS = 86_400_000;
const MAX_DAYS = 7;

/**
 * Returns the invalid field of a range with the API's message; undefined for a valid range.
 * @type {(from: number, to: number) => { field: "from" | "to", message: string } | undefined}
 */
export function rangeProblem(from, to) {
  if (Number.isNaN(from)) return { field: "from", message: "is required: give both from and to." };
  if (Number.isNaN(to)) return { field: "to", message: "is required: give both from and to." };
  if (to <= from) return { field: "to", message: "must be after from." };
  if (to - from > MAX_DAYS * DAY_MS) return { field: "from", message: "must be at most 7 days before to." };
  return undefined;
}
