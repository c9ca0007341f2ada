import { InvalidCursor, type Search } from "./store.ts";

type Sort = NonNullable<Search["sort"]>;

/** End of a page: the sort value of its last document, in the store's notation, and the document's key. */
export interface Position {
  value: string;
  tenant: string;
  requestId: string;
}

export const encodeCursor = (sort: Sort, { value, tenant, requestId }: Position): string =>
  Buffer.from(JSON.stringify([sort, value, tenant, requestId])).toString("base64url");

/**
 * Decodes a cursor that encodeCursor created.
 *
 * @param valuePattern - Pattern of this sort's values in this store; other values are refused.
 * @throws InvalidCursor
 */
export function decodeCursor(cursor: string, sort: Sort, valuePattern: RegExp): Position {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (cause) {
    throw new InvalidCursor({ cause });
  }
  if (!Array.isArray(key) || key.length !== 4 || !key.every((part) => typeof part === "string" && !part.includes("\0")))
    throw new InvalidCursor();
  const [cursorSort, value, tenant, requestId] = key;
  if (cursorSort !== sort || !valuePattern.test(value)) throw new InvalidCursor();
  return { value, tenant, requestId };
}
