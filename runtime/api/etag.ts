/** Returns true if If-None-Match is `*` or contains the ETag, also in the weak form that a compressing proxy gives it. */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag));
