/** Formats and compressions by file extension. */

/** Maximum size in bytes of a file that the dashboard can upload: the maximum number of parts, of 8 MiB each. */
export const MAX_FILE_BYTES = 1_100 * 8 * 1024 * 1024;
/** Size of the preview. */
const SHOWN_BYTES = 4_096;
const SHOWN_LINES = 6;

/**
 * Returns format and compression, as the API names them; undefined if the file is neither CSV nor NDJSON.
 * @param {string} name
 */
export function kindOf(name) {
  const [, extension, gz] = /\.(csv|ndjson|jsonl)(\.gz)?$/i.exec(name) ?? [];
  if (extension === undefined) return undefined;
  return { format: extension.toLowerCase() === "csv" ? "csv" : "ndjson", compression: gz ? "gzip" : "none" };
}

/** Returns the reason why a file cannot be loaded; empty if it can. @param {{ name: string, size: number }} file */
export function fileProblem({ name, size }) {
  if (size === 0) return "The file is empty.";
  if (size > MAX_FILE_BYTES) return "The file is too large for a browser. Load it with `rates load`.";
  return kindOf(name) === undefined ? "The file must end in .csv, .ndjson, .csv.gz or .ndjson.gz." : "";
}

/** Reads the first lines of a text file. @param {File} file */
export async function firstLines(file) {
  if (kindOf(file.name)?.compression !== "none") return "";
  const text = await file.slice(0, SHOWN_BYTES).text();
  const lines = text.split(/\r\n|\n|\r/);
  return lines.slice(0, SHOWN_LINES).join("\n") + (lines.length > SHOWN_LINES || file.size > SHOWN_BYTES ? "\n…" : "");
}
