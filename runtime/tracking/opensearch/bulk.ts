import type { VersionedDocument } from "../store.ts";
import { keyOf } from "../store.ts";
import { documentId, indexOf, source } from "./indices.ts";

/** Body of one _bulk call with `count` of the documents, from position `first`. */
export interface Bulk {
  lines: string;
  first: number;
  count: number;
}

/** Outcome of one document in a bulk request. */
export interface Outcome {
  status: number;
  error?: { type: string; reason: string };
}

/**
 * Characters after which a bulk request is complete. Small instances of Amazon OpenSearch Service accept 10 MiB per
 * call (Amazon OpenSearch Service limits, "maximum size of HTTP request payloads"). The last document exceeds the limit
 * by at most a few hundred kB: jobs.bounded_document and `wordsOf` limit its size.
 */
const MAX_BULK_CHARACTERS = 2_000_000;

/**
 * Generates bulk requests for these documents, one at a time in memory. With `external_gte`, OpenSearch rejects
 * outdated writes, but accepts the same version again, so that a rebuild repairs existing documents.
 */
export function* bulks(prefix: string, documents: readonly VersionedDocument[]): Generator<Bulk> {
  let bulk: Bulk = { lines: "", first: 0, count: 0 };
  for (const { version, document } of documents) {
    const index = {
      _index: indexOf(prefix, document),
      _id: documentId(document.tenant, keyOf(document)),
      version,
      version_type: "external_gte",
    };
    bulk.lines += `${JSON.stringify({ index })}\n${JSON.stringify(source(document))}\n`;
    bulk.count++;
    if (bulk.lines.length < MAX_BULK_CHARACTERS) continue;
    yield bulk;
    bulk = { lines: "", first: bulk.first + bulk.count, count: 0 };
  }
  if (bulk.count > 0) yield bulk;
}
