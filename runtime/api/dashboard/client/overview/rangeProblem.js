const DAY_MS = 86_400_000;
const MOST_DAYS = 7;

/** Why a range cannot be shown, by its field, in the API's words; undefined: it can.
 * @type {(from: number, to: number) => { field: "from" | "to", message: string } | undefined} */
export function rangeProblem(from, to) {
  if (Number.isNaN(from)) return { field: "from", message: "is needed: give both from and to." };
  if (Number.isNaN(to)) return { field: "to", message: "is needed: give both from and to." };
  if (to <= from) return { field: "to", message: "must be after from." };
  if (to - from > MOST_DAYS * DAY_MS) return { field: "from", message: "must be at most 7 days before to." };
  return undefined;
}
