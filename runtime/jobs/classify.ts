import { asJobError, JobError } from "./errors.ts";

/**
 * SQLSTATEs (or their two-letter classes) → the error they are for a job. Source: Postgres documentation, appendix A.
 * A longer key wins.
 */
export const BY_SQLSTATE: Record<
  string,
  "InvalidSql" | "NotReadOnly" | "SerializationConflict" | "DatabaseUnavailable" | "Interrupted"
> = {
  "08": "DatabaseUnavailable", // connection exceptions
  "21": "InvalidSql",
  "22": "InvalidSql", // data exceptions
  "23": "InvalidSql", // constraints, in a named statement
  "25": "NotReadOnly", // 25006 a write; 25001 an attempt to lift the transaction's mode
  "42": "InvalidSql", // syntax, names, privileges
  "40": "SerializationConflict", // 40001 serialization, 40P01 deadlock
  "55P03": "SerializationConflict", // lock not available
  "53": "DatabaseUnavailable", // its disk full, its memory used up, too many connections: not the run's
  "54": "InvalidSql", // program limits
  "57014": "Interrupted", // cancelled by an administrator: the runners know their own timeouts and cancels
  "57P01": "Interrupted", // the session was terminated by an administrator, or the server shuts down
  "57P": "DatabaseUnavailable", // shutdown, crash, not yet started
  "0A": "InvalidSql", // not supported
};

const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);

/** What any error in a job's work means for the job. */
export function classify(error: unknown): JobError {
  if (error instanceof JobError || !(error instanceof Error)) return asJobError(error);
  const { code = "", name, message } = error as Error & { code?: string };
  if (/^[0-9A-Z]{5}$/.test(code)) {
    const key = [code, code.slice(0, 3), code.slice(0, 2)].find((prefix) => prefix in BY_SQLSTATE);
    const known = key === undefined ? undefined : BY_SQLSTATE[key];
    if (known) return new JobError(known, { reason: message }, { cause: error });
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
