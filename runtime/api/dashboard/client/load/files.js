/** Maximum size of a file that the dashboard can upload: the maximum number of parts, each of 8 MiB. */
export const MAX_FILE_BYTES = 1_100 * 8 * 1024 * 1024;
/** Maximum size of the preview. */
const PREVIEW_BYTES = 4_096;
const PREVIEW_LINES = 6;

/**
 * Returns the format and compression of a file by its extension, as the API names them; undefined for other extensions.
 * @param {string} name
 */
export function formatOf(name) {
  const [, extension, gz] = /\.(csv|ndjson|jsonl)(\.gz)?$/i.exec(name) ?? [];
  if (extension === undefined) return undefined;
  return { format: extension.toLowerCase() === "csv" ? "csv" : "ndjson", compression: gz ? "gzip" : "none" };
}

/** Returns the reason why a file cannot be loaded; empty if it can. @param {{ name: string, size: number }} file */
export function fileProblem({ name, size }) {
  if (size === 0) return "The file is empty.";
  if (size > MAX_FILE_BYTES) return "The file is too large for a browser. Load it with `rates load`.";
  return formatOf(name) === undefined
    ? "The file's name must end in .csv, .ndjson or .jsonl, optionally followed by .gz."
    : "";
}

/** Reads the first lines of a file; empty if it is compressed. @param {File} file */
export async function firstLines(file) {
  if (formatOf(file.name)?.compression !== "none") return "";
  const text = await file.slice(0, PREVIEW_BYTES).text();
  const lines = text.split(/\r\n|\n|\r/);
  return (
    lines.slice(0, PREVIEW_LINES).join("\n") + (lines.length > PREVIEW_LINES || file.size > PREVIEW_BYTES ? "\n…" : "")
  );
}
