import type { IncomingHttpHeaders } from "node:http";
import Negotiator from "negotiator";

/** Format in which a result is stored. */
export interface StoredFormat {
  format: "csv" | "ndjson" | "json";
  compression: "none" | "gzip";
}

/** Form in which a result is sent. */
export interface Representation {
  /** Content-Type. */
  type: string;
  /** Content-Encoding gzip: the stored bytes are sent, and the client decompresses them. */
  encoding: "gzip" | undefined;
  /** True if the API decompresses the stored bytes. */
  isDecompressed: boolean;
  /** Suffix of the ETag that distinguishes the representations. */
  etagSuffix: string;
  /** File name extension. */
  extension: string;
}

/** Media types by format, the preferred first. */
const TYPES = {
  csv: ["text/csv"],
  ndjson: ["application/x-ndjson", "application/ndjson", "application/jsonl"],
  json: ["application/json"],
} as const;
const CHARSET = { csv: "; charset=utf-8", ndjson: "", json: "; charset=utf-8" } as const;
const GZIP = "application/gzip";

/** Lists the media types that a result can be sent as, the preferred first. */
export const mediaTypesOf = ({ format, compression }: StoredFormat): readonly string[] =>
  compression === "gzip" ? [GZIP, ...TYPES[format]] : TYPES[format];

/** Maximum number of media ranges read from an Accept header. */
const MAX_RANGES = 100;

/**
 * Removes all parameters except `q` from an Accept header, since the others (for example charset) do not distinguish
 * the types of results. An empty header accepts all types.
 */
function withoutParameters(accept: string | undefined): string {
  const ranges = (accept ?? "").split(",", MAX_RANGES).flatMap((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const quality = parameters.find((parameter) => /^q=/i.test(parameter));
    return type === "" ? [] : [quality === undefined ? type : `${type};${quality}`];
  });
  return ranges.length === 0 ? "*/*" : ranges.join(",");
}

/**
 * Selects the representation of a result that the headers accept; undefined if there is none. A compressed result is
 * sent as a file, unless its content is requested. The content is sent with Content-Encoding gzip if that is accepted,
 * otherwise decompressed.
 */
export function represent(stored: StoredFormat, headers: IncomingHttpHeaders): Representation | undefined {
  const { format, compression } = stored;
  const negotiator = new Negotiator({ headers: { ...headers, accept: withoutParameters(headers.accept) } });
  const chosen = negotiator.mediaType([...mediaTypesOf(stored)]);
  if (chosen === undefined) return undefined;
  if (chosen === GZIP)
    return { type: GZIP, encoding: undefined, isDecompressed: false, etagSuffix: "", extension: `${format}.gz` };
  const content = { type: `${chosen}${CHARSET[format]}`, extension: format };
  if (compression === "none") return { ...content, encoding: undefined, isDecompressed: false, etagSuffix: "" };
  return negotiator.encoding(["gzip", "identity"]) === "gzip"
    ? { ...content, encoding: "gzip", isDecompressed: false, etagSuffix: "-gzip" }
    : { ...content, encoding: undefined, isDecompressed: true, etagSuffix: "-unpacked" };
}
