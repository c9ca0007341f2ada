/** Maximum sizes of a caller's input. Lengths are in UTF-16 code units, except in names with `Bytes`. */
export const INPUT = {
  /** Maximum nesting of objects and lists in a body. */
  levels: 64,
  /** Fields per object of a body. */
  fields: 10_000,
  /** Objects and lists of a body, counted in its text before it is parsed; each row is an object. */
  containers: 100_000,
  /** Labels of a request. */
  labels: { count: 32, name: 64, value: 256 },
  /** Parameters of a named query or statement. */
  params: { count: 64, name: 64, text: 1_000, items: 1_000, itemText: 200 },
  /** Name of a query or statement. */
  name: 64,
  /** SQL of a read, in UTF-8. Parsing it takes at most 75 ms and creates a parse tree of at most 2 MB. */
  sqlBytes: 32 * 1024,
  /** Inline items, and items of any other list of a body. A body of 1 MiB has fewer than 45,000 valid rows. */
  items: 50_000,
  /** Columns of an inline item, and the length of their names. */
  columns: { count: 64, name: 64 },
  /** A source's URL or S3 location. */
  url: 4_000,
  s3: 1_100,
  /** Words, cursor and times of a search. */
  search: { text: 200, cursor: 1_000, time: 64 },
  /** Reason of a cancel. */
  cancelReason: 500,
  /** A place: a port's code or a region's slug. */
  place: 64,
  /** ETag of an uploaded part, and an upload's id. */
  etag: 200,
  uploadId: 1_000,
} as const;

/** Maximum lengths of one problem that an error lists; bounds.ts has the maximums of the list. */
export const PROBLEM_LIMITS = {
  /** The field's path, one name in that path, the received value, and the message. */
  field: 200,
  name: 64,
  value: 100,
  message: 500,
} as const;
