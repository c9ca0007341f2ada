/** What a file is, by its name. */

/** The largest file that goes through the dashboard: as many parts as an upload has, of 8 MiB. Bytes. */
export const LARGEST_FILE = 1_100 * 8 * 1024 * 1024;
/** How much of a file is shown before it is sent. */
const SHOWN_BYTES = 4_096;
const SHOWN_LINES = 6;

/** Format and compression, as the API names them; undefined: it is neither CSV nor NDJSON.
 * @param {string} name */
export function kindOf(name) {
  const [, extension, gz] = /\.(csv|ndjson|jsonl)(\.gz)?$/i.exec(name) ?? [];
  if (extension === undefined) return undefined;
  return { format: extension.toLowerCase() === "csv" ? "csv" : "ndjson", compression: gz ? "gzip" : "none" };
}

/** Why a file cannot be loaded; empty: it can. @param {{ name: string, size: number }} file */
export function fileProblem({ name, size }) {
  if (size === 0) return "The file is empty.";
  if (size > LARGEST_FILE) return "The file is too large for a browser. Load it with `rates load`.";
  return kindOf(name) === undefined ? "The file must end in .csv, .ndjson, .csv.gz or .ndjson.gz." : "";
}

/** The first lines of a file, where they are text. @param {File} file */
export async function firstLines(file) {
  if (kindOf(file.name)?.compression !== "none") return "";
  const text = await file.slice(0, SHOWN_BYTES).text();
  const lines = text.split(/\r\n|\n|\r/);
  return lines.slice(0, SHOWN_LINES).join("\n") + (lines.length > SHOWN_LINES || file.size > SHOWN_BYTES ? "\n…" : "");
}
