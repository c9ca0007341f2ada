import { asJobError, JobError } from "./errors.ts";

/** SQLSTATEs that are not the caller's fault alone, or have an error of their own. */
type BySqlState =
  | "InvalidSql"
  | "NotReadOnly"
  | "SerializationConflict"
  | "DatabaseUnavailable"
  | "Interrupted"
  | "Internal";

/**
 * SQLSTATEs, or their classes (two or three characters), → the error they are for a job; a longer key wins. Source: Postgres
 * documentation, appendix A. Every other SQLSTATE is the caller's: OTHER_SQLSTATE.
 */
export const BY_SQLSTATE: Readonly<Record<string, BySqlState>> = {
  "08": "DatabaseUnavailable", // connection exceptions
  "08P01": "InvalidSql", // protocol violation: SQL with parameters that nobody binds
  "25": "NotReadOnly", // 25006 a write; 25001 an attempt to lift the transaction's mode
  "25P03": "Interrupted", // the server ended a session that was idle in its transaction
  "25P04": "Interrupted", // the same, by transaction_timeout
  "28": "DatabaseUnavailable", // the platform's own login was refused
  "3D": "DatabaseUnavailable", // the platform's own database does not exist
  "40": "SerializationConflict", // 40001 serialization, 40P01 deadlock
  "40002": "InvalidSql", // a deferred constraint, in a named statement
  "53": "DatabaseUnavailable", // its disk full, its memory used up, too many connections: not the run's
  "53400": "InvalidSql", // a limit of the reader's role, for example temp_file_limit
  "55P03": "SerializationConflict", // lock not available
  "57014": "Interrupted", // cancelled by an administrator: the runners know their own timeouts and cancels
  "57P01": "Interrupted", // the session was terminated by an administrator, or the server shuts down
  "57P": "DatabaseUnavailable", // shutdown, crash, not yet started
  "58": "DatabaseUnavailable", // the server's disk and files
  F0: "DatabaseUnavailable", // the server's configuration file
  XX: "Internal", // the server's own faults, corrupted data
};

/** Any SQLSTATE that is not listed comes from what the SQL says: retrying cannot help. */
export const OTHER_SQLSTATE = "InvalidSql";

const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);

/** What any error in a job's work means for the job. */
export function classify(error: unknown): JobError {
  if (error instanceof JobError || !(error instanceof Error)) return asJobError(error);
  const { code = "", name, message } = error as Error & { code?: string };
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) {
    const key = [code, code.slice(0, 3), code.slice(0, 2)].find((prefix) => prefix in BY_SQLSTATE);
    const known = key === undefined ? OTHER_SQLSTATE : (BY_SQLSTATE[key] ?? OTHER_SQLSTATE);
    return new JobError(known, { reason: message }, { cause: error });
  }
  // Of what AWS's clients throw, those too that no server has answered.
  if ("$metadata" in error)
    return new JobError("StorageUnavailable", { reason: `${name}: ${message}` }, { cause: error });
  if (
    NETWORK.has(code) ||
    /connection (is closed|terminated|ended)|not queryable|Connection terminated|timeout exceeded when trying to connect/i.test(
      message,
    )
  )
    return new JobError("DatabaseUnavailable", { reason: message }, { cause: error });
  return asJobError(error);
}
