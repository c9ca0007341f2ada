import { asJobError, JobError } from "./errors.ts";
import { redactMessage } from "./redactJob.ts";

/** Error types that SQLSTATEs are mapped to. */
export type BySqlState =
  | "InvalidSql"
  | "NotReadOnly"
  | "SerializationConflict"
  | "DatabaseUnavailable"
  | "Interrupted"
  | "Internal";

/**
 * Error type of a job by SQLSTATE or its prefix (two or three characters); the longest key wins. Source: Postgres
 * documentation, appendix A. Every other SQLSTATE is OTHER_SQLSTATE.
 */
export const BY_SQLSTATE: Readonly<Record<string, BySqlState>> = {
  "08": "DatabaseUnavailable", // connection exceptions
  "08P01": "InvalidSql", // protocol violation: SQL with unbound parameters
  "25": "NotReadOnly", // 25006 a write; 25001 a change of the transaction's mode
  "25P03": "Interrupted", // the server ended a session that was idle in its transaction
  "25P04": "Interrupted", // the same, by transaction_timeout
  "28": "DatabaseUnavailable", // the platform's own login was refused
  "3D": "DatabaseUnavailable", // the platform's own database does not exist
  "40": "SerializationConflict", // 40001 serialization, 40P01 deadlock
  "40002": "InvalidSql", // a deferred constraint, in a named statement
  "53": "DatabaseUnavailable", // the server's disk or memory is used up, or too many connections
  "53400": "InvalidSql", // a limit of the reader's role, for example temp_file_limit
  "55P03": "SerializationConflict", // lock not available
  "57014": "Interrupted", // cancelled by an administrator: runners handle their own timeouts and cancels
  "57P01": "Interrupted", // the session was terminated by an administrator, or the server shuts down
  "57P": "DatabaseUnavailable", // crash, not yet started, database dropped
  "57P05": "Interrupted", // the server ended a session that was idle
  "58": "DatabaseUnavailable", // the server's disk and files
  "72": "SerializationConflict", // 72000 snapshot too old, before Postgres 17
  F0: "DatabaseUnavailable", // the server's configuration file
  XX: "Internal", // the server's own faults, corrupted data
};

/** Error for every SQLSTATE that is not listed: the SQL caused it, and a retry cannot help. */
export const OTHER_SQLSTATE = "InvalidSql";

/**
 * Beginning of Postgres's message for a value of more than 1 GB. Its SQLSTATE, XX000, also means internal errors, so
 * the message decides. It is not translated (elog in the server's source).
 */
export const VALUE_TOO_LARGE = "invalid memory alloc request size";

/** Error codes of Node for a server that cannot be reached, or a connection that was lost. */
const NETWORK = new Set([
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETRESET",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);
/** Error codes of Node for a refused certificate or a broken TLS connection. */
const TLS = /^(CERT_|DEPTH_ZERO_|ERR_SSL_|ERR_TLS_|SELF_SIGNED_|UNABLE_TO_)/;
/** Names of errors of AWS's clients that arise before a request is sent. */
const CREDENTIALS = new Set(["CredentialsProviderError", "TokenProviderError"]);

/**
 * Classifies any error of a job's work.
 *
 * @param task - Type of the job: 25006 means that a read tried to write, or, for an update, that the server has become
 * read-only (a failover, or a full disk).
 */
export function classify(error: unknown, task: "read" | "update" = "read"): JobError {
  if (error instanceof JobError || !(error instanceof Error)) return asJobError(error);
  const { code = "", name } = error as Error & { code?: string };
  const message = messageOf(error);
  if (isSqlState(code))
    return new JobError(errorTypeOf(code, message, task), { reason: redactMessage(message) }, { cause: error });
  // Errors of AWS's clients, including those without a response from a server.
  if ("$metadata" in error || CREDENTIALS.has(name))
    return new JobError("StorageUnavailable", { reason: `${name}: ${message}` }, { cause: error });
  if (
    NETWORK.has(code) ||
    TLS.test(code) ||
    /connection (is closed|terminated|ended)|not queryable|Connection terminated|timeout exceeded when trying to connect/i.test(
      message,
    )
  )
    return new JobError("DatabaseUnavailable", { reason: message }, { cause: error });
  return asJobError(error);
}

const isSqlState = (code: string) => /^(?=.*\d)[0-9A-Z]{5}$/.test(code);

function errorTypeOf(code: string, message: string, task: "read" | "update"): BySqlState {
  if (code === "XX000" && message.startsWith(VALUE_TOO_LARGE)) return "InvalidSql";
  if (code === "25006" && task === "update") return "DatabaseUnavailable";
  const key = [code, code.slice(0, 3), code.slice(0, 2)].find((prefix) => prefix in BY_SQLSTATE);
  return key === undefined ? OTHER_SQLSTATE : (BY_SQLSTATE[key] ?? OTHER_SQLSTATE);
}

/** Returns an error's message, or those of its parts: a failed connection to several addresses has none itself. */
const messageOf = (error: Error): string =>
  error.message === "" && error instanceof AggregateError
    ? error.errors.map((inner) => (inner instanceof Error ? inner.message : String(inner))).join("; ")
    : error.message;

/** Returns true if the error means that the connection to the database is lost. */
export const isConnectionLost = (error: unknown): boolean =>
  ["DatabaseUnavailable", "Interrupted"].includes(classify(error).code);
