import { JobError } from "../../contract/errors.ts";
import { BYTE_ORDER_MARK, type FileKind, KIND_BYTES, kindOf } from "./fileKinds.ts";

/**
 * Yields a file without its byte order mark.
 * @param target - Name of the target, for errors.
 * @throws JobError InvalidHeader (CSV) or InvalidFormat (NDJSON) if the file is of another kind, which the error names
 */
export async function* textOf(
  source: AsyncIterable<Buffer>,
  format: "csv" | "ndjson",
  target: string,
): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
    if (start.length < KIND_BYTES) continue;
    yield checkedStart(start, format, target);
    start = undefined;
  }
  if (start !== undefined) yield checkedStart(start, format, target);
}

function checkedStart(start: Buffer, format: "csv" | "ndjson", target: string): Buffer {
  const kind = kindOf(start) ?? otherFormat(start, format);
  const reason = kind && `the file looks like ${kind.name}. ${kind.remedy}`;
  if (reason !== undefined && format === "csv") throw new JobError("InvalidHeader", { target, reason });
  if (reason !== undefined) throw new JobError("InvalidFormat", { format: "NDJSON", reason });
  return start.subarray(0, 3).equals(BYTE_ORDER_MARK) ? start.subarray(3) : start;
}

/** Returns the actual format of a text; undefined if it may be in the declared format. */
export function otherFormat(start: Buffer, format: "csv" | "ndjson"): FileKind | undefined {
  const text = start
    .toString("utf8", 0, KIND_BYTES)
    .replace(/^\uFEFF/, "")
    .trimStart();
  if (format === "csv" && /^(\{\s*("|\})|\[\s*[{[\]])/.test(text))
    return { name: "JSON", remedy: "Send it with format 'ndjson', one object per line." };
  if (format === "ndjson" && /^\[\s*(\{|\]|$)/.test(text))
    return { name: "one JSON array", remedy: "Write one object per line, without the array's brackets and commas." };
  if (format === "ndjson") return otherJson(text);
  return undefined;
}

/** Returns the actual format of a text sent as NDJSON, by its start; undefined if it may be NDJSON. */
function otherJson(text: string): FileKind | undefined {
  if (/^\{[ \t]*\r?\n/.test(text))
    return { name: "JSON on several lines", remedy: "Write each object on one line (jq -c does that)." };
  if (/^\{[^\n]*\}\r\{/.test(text))
    return { name: "NDJSON whose lines end in CR alone", remedy: "End them in LF or CRLF." };
  if (/^"?[a-z_]+"?(?:,"?[a-z_]+"?)+\r?(?:\n|$)/i.test(text))
    return { name: "CSV", remedy: "Send it with format 'csv'." };
  return undefined;
}
