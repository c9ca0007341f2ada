/** Tells if If-None-Match matches an ETag: alone, in a list, or weak (a proxy compressed the response). */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag));
