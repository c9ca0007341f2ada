/** Returns the message of an error's cause, or else its own: fetch alone reports only "fetch failed". */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error.cause instanceof Error && messageOf(error.cause)) || messageOf(error);
}

/** Returns an error's message; for an AggregateError (no address of a host connected), those of its errors. */
export const messageOf = (error: Error): string =>
  error.message === "" && error instanceof AggregateError
    ? error.errors.map((inner) => (inner instanceof Error ? inner.message : String(inner))).join("; ")
    : error.message;
