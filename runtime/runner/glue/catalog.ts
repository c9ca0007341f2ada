import { BOUNDS } from "../../contract/bounds.ts";
import { BY_SQLSTATE, OTHER_SQLSTATE, VALUE_TOO_LARGE } from "../../contract/classify.ts";
import { ERRORS } from "../../contract/errors.ts";
import { INVISIBLE } from "../../contract/invisible.ts";

/**
 * Data that the Glue runner reads from the TypeScript code, as JSON: the registry of errors, error types of SQLSTATEs,
 * bounds of responses, and invisible characters.
 */
export const glueCatalog = (): string =>
  JSON.stringify({
    errors: ERRORS,
    sqlStates: BY_SQLSTATE,
    otherSqlState: OTHER_SQLSTATE,
    valueTooLarge: VALUE_TOO_LARGE,
    bounds: BOUNDS,
    invisible: INVISIBLE,
  });
