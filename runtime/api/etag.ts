/** Returns true if If-None-Match contains an ETag: alone, in a list, or weak (a proxy compressed the response). */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag));
