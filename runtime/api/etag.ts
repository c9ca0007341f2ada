/** Whether If-None-Match names a tag: by itself or among several, and weak where a proxy has compressed the answer. */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag));
