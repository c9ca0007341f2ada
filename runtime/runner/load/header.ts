import { JobError } from "../../jobs/errors.ts";
import { suggestion } from "../../jobs/problems.ts";
import { shown } from "./sink.ts";
import type { TargetTable } from "./targets.ts";

/**
 * The columns that a CSV's first line names, in its order: exactly the target's, each once.
 * @throws JobError InvalidHeader with all that is wrong with it at once: nothing behind it could be judged without it
 */
export function readHeader(text: string, target: TargetTable, targetName: string): string[] {
  const known = target.columns.map((column) => column.name);
  const line = text.replace(/^\uFEFF/, "");
  const found = line === "" ? [] : line.split(",").map(unquoted);
  const details = [
    ...found
      .filter((name) => !known.includes(name))
      .map((name) => problem(shown(name), `is not a column.${suggestion(name, known)}`)),
    ...known.filter((name) => !found.includes(name)).map((name) => problem(name, "is missing.")),
    ...known
      .filter((name) => found.indexOf(name) !== found.lastIndexOf(name))
      .map((name) => problem(name, "stands there more than once.")),
  ];
  if (details.length === 0) return found;
  // A file without header has as many names that are none as it has columns; the first few say it.
  const said = details.slice(0, 10).map(({ column, reason }) => `'${column}' ${reason}`);
  throw new JobError(
    "InvalidHeader",
    { target: targetName, reason: `${said.join(" ")} Line 1 has to name ${known.join(",")} in any order.` },
    { details: details.slice(0, 100) },
  );
}

const problem = (column: string, reason: string) => ({ line: 1, column, value: null, reason });

const unquoted = (field: string) =>
  field
    .trim()
    .replace(/^"(.*)"$/s, "$1")
    .replaceAll('""', '"');
