/**
 * Maximum sizes of a caller's input, which the schemas contain, and of its parts that errors repeat. Lengths are in
 * UTF-16 code units, except in names with `Bytes`.
 */
export const INPUT = {
  /** Nested objects and lists of a body. */
  levels: 64,
  /** Fields of any one object of a body. */
  fields: 10_000,
  /** Objects and lists of a body, counted in its text before it is parsed: a row is one. */
  containers: 100_000,
  /** Labels of a request. */
  labels: { count: 32, name: 64, value: 256 },
  /** Parameters of a named query or statement. */
  params: { count: 64, name: 64, text: 1_000, items: 1_000, itemText: 200 },
  /** Name of a query or statement. */
  name: 64,
  /** SQL of a read, in UTF-8. Postgres's grammar needs at most 75 ms and 2 MB of parse tree for it. */
  sqlBytes: 32 * 1024,
  /** Inline items, and items of any other list of a body; a body can contain 45,000 of the shortest possible rows. */
  items: 50_000,
  /** Columns of an inline item, and the length of their names. */
  columns: { count: 64, name: 64 },
  /** A source's URL or S3 location. */
  url: 4_000,
  s3: 1_100,
  /** Words, label filter, cursor and times of a search. */
  search: { text: 200, cursor: 1_000, time: 64 },
  /** Reason of a cancel. */
  cancelReason: 500,
  /** A place: a port's code or a region's slug. */
  place: 64,
  /** ETag of an uploaded part, and an upload's id. */
  etag: 200,
  uploadId: 1_000,
} as const;

/** Maximums of one problem that an error lists; bounds.ts has those of the list. */
export const PROBLEMS = {
  /** A field's path, one name in it, the value found, and the sentence about it. */
  field: 200,
  name: 64,
  value: 100,
  message: 500,
} as const;
