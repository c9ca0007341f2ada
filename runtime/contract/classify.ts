import { asJobError, JobError } from "./errors.ts";
import { messageOf } from "./reason.ts";
import { redactMessage } from "./redactJob.ts";

/** Error types of SQLSTATEs. */
export type SqlStateErrorType =
  | "InvalidSql"
  | "NotReadOnly"
  | "SerializationConflict"
  | "DatabaseUnavailable"
  | "Interrupted"
  | "Internal";

/**
 * Error type of a job by SQLSTATE or its prefix (two or three characters); the longest key wins. Source: Postgres
 * documentation, appendix A. Every other SQLSTATE has the type OTHER_SQLSTATE.
 */
export const BY_SQLSTATE: Readonly<Record<string, SqlStateErrorType>> = {
  "08": "DatabaseUnavailable", // connection exceptions
  "08P01": "InvalidSql", // protocol violation: SQL with unbound parameters
  "25": "NotReadOnly", // 25006: a write; 25001: a change of the transaction's mode
  "25P03": "Interrupted", // the server ended a session that was idle in its transaction
  "25P04": "Interrupted", // the server ended a session whose transaction exceeded transaction_timeout
  "28": "DatabaseUnavailable", // the platform's own login was refused
  "3D": "DatabaseUnavailable", // the platform's own database does not exist
  "40": "SerializationConflict", // 40001: serialization failure; 40P01: deadlock
  "40002": "InvalidSql", // a deferred constraint, in a named statement
  "53": "DatabaseUnavailable", // disk full, out of memory, or too many connections
  "53400": "InvalidSql", // a limit of the reader's role, for example temp_file_limit
  "55P03": "SerializationConflict", // lock not available
  "57014": "Interrupted", // cancelled by an administrator: runners handle their own timeouts and cancels
  "57P01": "Interrupted", // the session was terminated by an administrator, or the server shuts down
  "57P": "DatabaseUnavailable", // crash, not yet started, database dropped
  "57P05": "Interrupted", // the server ended a session that was idle
  "58": "DatabaseUnavailable", // I/O errors of the server
  "72": "SerializationConflict", // 72000: snapshot too old, before Postgres 17
  F0: "DatabaseUnavailable", // the server's configuration file
  XX: "Internal", // internal errors of the server, corrupted data
};

/** Error type of every SQLSTATE that is not listed: the SQL caused the error, and a retry cannot help. */
export const OTHER_SQLSTATE = "InvalidSql";

/**
 * Beginning of Postgres's message for a value of more than 1 GB. Its SQLSTATE, XX000, also means internal errors, so
 * the message decides. Postgres does not translate this message (elog in the server's source).
 */
export const VALUE_TOO_LARGE = "invalid memory alloc request size";

/** Node's error codes for an unreachable server or a lost connection. */
const NETWORK_CODES = new Set([
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
/** Matches Node's error codes for a refused certificate or a broken TLS connection. */
const TLS_CODE = /^(CERT_|DEPTH_ZERO_|ERR_SSL_|ERR_TLS_|SELF_SIGNED_|UNABLE_TO_)/;
/** Names of AWS SDK errors that are thrown before a request is sent. */
const CREDENTIAL_ERRORS = new Set(["CredentialsProviderError", "TokenProviderError"]);

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
  // Errors of the AWS SDK, including those without a response from a server.
  if ("$metadata" in error || CREDENTIAL_ERRORS.has(name))
    return new JobError("StorageUnavailable", { reason: `${name}: ${message}` }, { cause: error });
  if (
    NETWORK_CODES.has(code) ||
    TLS_CODE.test(code) ||
    /connection (is closed|terminated|ended)|not queryable|Connection terminated|timeout exceeded when trying to connect/i.test(
      message,
    )
  )
    return new JobError("DatabaseUnavailable", { reason: message }, { cause: error });
  return asJobError(error);
}

const isSqlState = (code: string) => /^(?=.*\d)[0-9A-Z]{5}$/.test(code);

function errorTypeOf(code: string, message: string, task: "read" | "update"): SqlStateErrorType {
  if (code === "XX000" && message.startsWith(VALUE_TOO_LARGE)) return "InvalidSql";
  if (code === "25006" && task === "update") return "DatabaseUnavailable";
  const key = [code, code.slice(0, 3), code.slice(0, 2)].find((prefix) => prefix in BY_SQLSTATE);
  return key === undefined ? OTHER_SQLSTATE : (BY_SQLSTATE[key] ?? OTHER_SQLSTATE);
}

/**
 * Returns true if the database was unavailable or read-only, or interrupted a call of the platform: the connection may be
 * lost, and the call may have succeeded.
 */
export const isOutage = (error: unknown): boolean =>
  ["DatabaseUnavailable", "Interrupted"].includes(classify(error, "update").code);

/** Returns true if a conflict with another transaction rolled back the call, so that a repeat is safe. */
export const isConflict = (error: unknown): boolean => classify(error).code === "SerializationConflict";
