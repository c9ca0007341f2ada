import type { IncomingHttpHeaders } from "node:http";
import Negotiator from "negotiator";

/** How a result is kept. */
export interface StoredFormat {
  format: "csv" | "ndjson" | "json";
  compression: "none" | "gzip";
}

/** How it is sent. */
export interface Representation {
  /** The Content-Type. */
  type: string;
  /** gzip: the bytes as they are kept, to be unpacked by whoever receives them. */
  encoding: "gzip" | undefined;
  /** Whether what is kept compressed is unpacked on its way. */
  unpacks: boolean;
  /** What tells it from the other representations, at the end of an ETag. */
  mark: string;
  /** What a file of it is called, behind the job's name. */
  extension: string;
}

/** The media types of each format, the first of them as it is named in answers. */
const TYPES = {
  csv: ["text/csv"],
  ndjson: ["application/x-ndjson", "application/ndjson", "application/jsonl"],
  json: ["application/json"],
} as const;
const CHARSET = { csv: "; charset=utf-8", ndjson: "", json: "; charset=utf-8" } as const;
const GZIP = "application/gzip";

/** The media types that a result can be sent as, the most faithful first. */
export const typesOf = ({ format, compression }: StoredFormat): readonly string[] =>
  compression === "gzip" ? [GZIP, ...TYPES[format]] : TYPES[format];

/** Media ranges of an Accept header that are looked at. */
const MOST_RANGES = 100;

/** An Accept header without the parameters that tell no two of our types apart (charset, header); an empty one accepts all. */
function withoutParameters(accept: string | undefined): string {
  const ranges = (accept ?? "").split(",", MOST_RANGES).flatMap((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const quality = parameters.find((one) => /^q=/i.test(one));
    return type === "" ? [] : [quality === undefined ? type : `${type};${quality}`];
  });
  return ranges.length === 0 ? "*/*" : ranges.join(",");
}

/**
 * How a result is sent to who accepts what these headers say; undefined: not at all. What was asked for compressed is a
 * file, unless its content is asked for: then it travels compressed if it may, and unpacked if not.
 */
export function represent(kept: StoredFormat, headers: IncomingHttpHeaders): Representation | undefined {
  const { format, compression } = kept;
  const wanted = new Negotiator({ headers: { ...headers, accept: withoutParameters(headers.accept) } });
  const chosen = wanted.mediaType([...typesOf(kept)]);
  if (chosen === undefined) return undefined;
  if (chosen === GZIP) return { type: GZIP, encoding: undefined, unpacks: false, mark: "", extension: `${format}.gz` };
  const content = { type: `${chosen}${CHARSET[format]}`, extension: format };
  if (compression === "none") return { ...content, encoding: undefined, unpacks: false, mark: "" };
  return wanted.encoding(["gzip", "identity"]) === "gzip"
    ? { ...content, encoding: "gzip", unpacks: false, mark: "-gzip" }
    : { ...content, encoding: undefined, unpacks: true, mark: "-unpacked" };
}
