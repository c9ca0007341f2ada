import { BOUNDS } from "../../contract/bounds.ts";
import { BY_SQLSTATE, OTHER_SQLSTATE, VALUE_TOO_LARGE } from "../../contract/classify.ts";
import { ERRORS } from "../../contract/errors.ts";

/** What the Glue runner reads of the TypeScript code, as JSON: the registry of errors, what SQLSTATEs mean, and limits. */
export const glueCatalog = (): string =>
  JSON.stringify({
    errors: ERRORS,
    sqlStates: BY_SQLSTATE,
    otherSqlState: OTHER_SQLSTATE,
    valueTooLarge: VALUE_TOO_LARGE,
    bounds: BOUNDS,
  });
