/** Returns true if If-None-Match is `*` or contains an ETag, which is weak if a proxy compressed the response. */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag));
