import { BOUNDS, boundedDetails, cutText } from "./bounds.ts";

/**
 * Registry of errors by code: category, retryability, HTTP status and message.
 * Categories follow Athena's AthenaError: User (the request), System (the platform or AWS), Other.
 * `{name}` in a message is filled from the error's parameters; `{name?}` is optional.
 */
export const ERRORS = {
  UnreadableMessage: {
    category: "User",
    retryable: false,
    http: 400,
    message: "The message is not a request: {reason}. Send one JSON object{fields?}.",
  },
  InvalidRequest: {
    category: "User",
    retryable: false,
    http: 400,
    message: "The request is not valid. Problems: {count}, each listed with its field.",
  },
  RequestIdConflict: {
    category: "User",
    retryable: false,
    http: 409,
    message:
      "requestId '{requestId}' belongs to an earlier request, which this one does not repeat. Send this one under a new requestId.",
  },
  NotAllowed: {
    category: "User",
    retryable: false,
    http: 403,
    message:
      "Sender {sender} may not {action} for tenant '{tenant}'. Use a tenant that this sender may use, or add the sender to `callers` in the stack's configuration.",
  },
  TooManyWaiting: {
    category: "User",
    retryable: true,
    http: 429,
    message:
      "Tenant '{tenant}' has its maximum of {maximum} waiting jobs. Send the request again when some of them have started.",
  },
  UnknownJob: {
    category: "User",
    retryable: false,
    http: 404,
    message: "There is no job '{requestId}' of tenant '{tenant}'. `rates list` shows existing jobs.",
  },

  UnknownRejected: {
    category: "User",
    retryable: false,
    http: 404,
    message:
      "There is no rejected request '{id}' of tenant '{tenant}'. `rates list --status REJECTED` lists rejected requests.",
  },

  InvalidSql: { category: "User", retryable: false, http: 400, message: "The SQL cannot run: {reason}" },
  NotOneStatement: {
    category: "User",
    retryable: false,
    http: 400,
    message: "sql must be one SELECT statement: {reason}",
  },
  NotReadOnly: { category: "User", retryable: false, http: 400, message: "A read may not change anything: {reason}" },
  InvalidRows: {
    category: "User",
    retryable: false,
    http: 400,
    message:
      "{count} of {rows} rows cannot be used; nothing was changed.{incomplete?} Fix the rows listed in details and resend the whole batch with a new requestId.",
  },
  InvalidHeader: {
    category: "User",
    retryable: false,
    http: 400,
    message: "The header of the source does not match the columns of {target}: {reason}",
  },
  InvalidFormat: {
    category: "User",
    retryable: false,
    http: 400,
    message: "The source is not {format}: {reason}",
  },
  InvalidCompression: {
    category: "User",
    retryable: false,
    http: 400,
    message: "The source is not valid gzip: {reason}. Send it with compression 'none', or compress it again.",
  },
  BatchTooLarge: {
    category: "User",
    retryable: false,
    http: 400,
    message:
      "The batch exceeds {limit} bytes in the database (jobs.stagedBytes); reading stopped after {rows} rows and nothing was changed. Split the batch.",
  },
  SourceNotFound: { category: "User", retryable: false, http: 400, message: "{source} does not exist: {reason}" },
  SourceNotAllowed: { category: "User", retryable: false, http: 400, message: "{source} may not be read: {reason}" },
  SourceChanged: {
    category: "User",
    retryable: false,
    http: 400,
    message: "{source} has changed since the request was accepted. Send the request again with a new requestId.",
  },
  SourceTooLarge: {
    category: "User",
    retryable: false,
    http: 400,
    message: "{source} exceeds the maximum of {limit} bytes per source. Split it.",
  },
  SourceUnreachable: {
    category: "System",
    retryable: true,
    http: 502,
    message: "{source} could not be read: {reason}",
  },
  ResultTooLarge: {
    category: "User",
    retryable: false,
    http: 413,
    message:
      "The inline result has {bytes} bytes; a response holds at most {limit}. Request compression 'gzip' or fewer rows.",
  },
  TimedOut: {
    category: "User",
    retryable: true,
    http: 408,
    message:
      "The job exceeded its timeout of {timeoutSeconds} s and was ended. Reduce the number of rows, or raise timeoutSeconds (at most {maximum}).",
  },
  Cancelled: { category: "User", retryable: false, http: 409, message: "The job was cancelled on request.{reason?}" },

  RunnerLost: {
    category: "System",
    retryable: true,
    http: 503,
    message: "The runner missed its heartbeat; attempt {attempt} was abandoned.",
  },
  Interrupted: {
    category: "System",
    retryable: true,
    http: 503,
    message:
      "The database server or an administrator interrupted the job: {reason}. It is retried while it has attempts left.",
  },
  DatabaseUnavailable: {
    category: "System",
    retryable: true,
    http: 503,
    message: "The database is unavailable: {reason}",
  },
  SerializationConflict: {
    category: "System",
    retryable: true,
    http: 503,
    message: "Another job changed the same rows at the same time: {reason}",
  },
  StorageUnavailable: {
    category: "System",
    retryable: true,
    http: 503,
    message: "S3 or SQS is unavailable: {reason}",
  },
  TrackingUnavailable: {
    category: "System",
    retryable: true,
    http: 503,
    message: "Job search is unavailable: {reason} Jobs keep running; `rates show ID` shows a job.",
  },
  OutOfMemory: {
    category: "System",
    retryable: true,
    http: 503,
    message:
      "The run ran out of memory: {reason}. The job is retried on a larger runner if the stack has one. Otherwise return smaller values per row, or raise runners.glue.dpu or runners.ec2.instanceType.",
  },
  Busy: {
    category: "System",
    retryable: true,
    http: 503,
    message: "The platform is busy: {reason}. Send the request again in a few seconds.",
  },
  Internal: {
    category: "Other",
    retryable: true,
    http: 500,
    message: "Internal error: {reason}",
  },

  Unauthorized: {
    category: "User",
    retryable: false,
    http: 401,
    message: "{reason}",
  },
  InvalidSignIn: {
    category: "User",
    retryable: false,
    http: 401,
    message: "The sign-in failed: {reason}",
  },
  NoAccess: {
    category: "User",
    retryable: false,
    http: 403,
    message:
      "{name} signed in at the identity provider, but no rule of api.signIn.oidc.rules gives access. Ask a platform administrator to add a rule for these claims: {claims}.",
  },
  IdentityProviderUnavailable: {
    category: "System",
    retryable: true,
    http: 503,
    message: "The identity provider is unavailable: {reason}. Try again in a moment, or sign in with a token.",
  },
  Forbidden: { category: "User", retryable: false, http: 403, message: "{reason}" },
  TooLarge: {
    category: "User",
    retryable: false,
    http: 413,
    message: "The body is larger than {limit} bytes. Upload the file (`rates load`) and name it as an s3 source.",
  },
  PartTooLarge: {
    category: "User",
    retryable: false,
    http: 413,
    message: "A part of an upload has at most {limit} bytes. Send the file in parts of this size.",
  },
  NotFinished: {
    category: "User",
    retryable: true,
    http: 409,
    message: "The job is {status}: it has no result yet. `rates watch` waits for it.",
  },
  NotRetryable: {
    category: "User",
    retryable: false,
    http: 409,
    message: "Job '{requestId}' is {status}; only FAILED and CANCELLED jobs can be retried.",
  },
  NoResult: {
    category: "User",
    retryable: false,
    http: 409,
    message: "The job ended as {status} and has no result: {reason}",
  },
  NoReport: {
    category: "User",
    retryable: false,
    http: 409,
    message:
      "Job '{requestId}' has no report of bad rows; its status is {status}. `rates show {requestId}` shows the job.",
  },
  ResultGone: {
    category: "User",
    retryable: false,
    http: 410,
    message: "The result or report of '{requestId}' has expired. Submit its task again under a new requestId.",
  },
  UnknownToken: {
    category: "User",
    retryable: false,
    http: 404,
    message: "Token '{id}' does not exist or was already revoked. `rates token list` lists tokens.",
  },
  TokenInUse: {
    category: "User",
    retryable: false,
    http: 409,
    message: "Token '{id}' authenticates this call and cannot revoke itself. Use another admin token.",
  },
  NotFound: { category: "User", retryable: false, http: 404, message: "{path} does not exist." },

  // Errors of the HTTP protocol.
  MalformedHttp: { category: "User", retryable: false, http: 400, message: "This is not an HTTP request: {reason}." },
  MethodNotAllowed: {
    category: "User",
    retryable: false,
    http: 405,
    message: "{path} does not support {method}. Supported methods: {allow}.",
  },
  NotAcceptable: {
    category: "User",
    retryable: false,
    http: 406,
    message: "This {artifact} cannot be sent as '{accept}': it is stored as {stored}. Accept {stored}{alternative?}.",
  },
  SlowRequest: {
    category: "User",
    retryable: true,
    http: 408,
    message: "The request did not arrive in time: {reason}.",
  },
  UnsupportedMediaType: {
    category: "User",
    retryable: false,
    http: 415,
    message: "Content type '{type}' is not supported. {remedy}",
  },
  RangeNotSatisfiable: {
    category: "User",
    retryable: false,
    http: 416,
    message: "Range '{range}' is outside the {artifact}, which has {bytes} bytes. Request a range within it.",
  },
  TooManyRequests: {
    category: "User",
    retryable: true,
    http: 429,
    message: "Rate limit exceeded: {max} requests per minute for {who}. Wait {seconds} s.",
  },
  TooManyStreams: {
    category: "User",
    retryable: true,
    http: 429,
    message: "{who} may have {max} event streams open at once. Close one, or poll GET /jobs/ID instead.",
  },
  TooManyPipelined: {
    category: "User",
    retryable: true,
    http: 429,
    message: "At most {max} pipelined requests may wait on a connection. Read the responses before sending more.",
  },
  TooManyConnections: {
    category: "System",
    retryable: true,
    http: 503,
    message: "All {max} connections of this server are busy. Try again in a few seconds.",
  },
  HeadersTooLarge: {
    category: "User",
    retryable: false,
    http: 431,
    message: "The headers of the request exceed {limit} bytes. Send fewer or shorter headers.",
  },
} as const satisfies Record<
  string,
  { category: "User" | "System" | "Other"; retryable: boolean; http: number; message: string }
>;

/** Code of an error: a key of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** One problem of a request: field, value and remedy. */
export interface Problem {
  /** Path of the field, for example `task.params.day`. */
  field: string;
  /** Received value, shortened and without credentials; undefined, for example, for a missing field. */
  value?: unknown;
  /** Problem and remedy. */
  message: string;
}

/** Contents of a response's `error`. */
export interface ErrorBody {
  /** `User`: the request; `System`: the platform or AWS; `Other`. */
  category: "User" | "System" | "Other";
  /** Code of the error. */
  type: ErrorCode;
  /** Problem, and the remedy if there is one. */
  message: string;
  /** True if the same task may succeed later. */
  retryable: boolean;
  /** Individual problems: fields of a request, or rows of a batch. */
  details: unknown[];
}

/**
 * An error with a code of the registry; `details` are the individual problems (fields of a request, rows of a batch).
 *
 * @example
 * ```ts
 * import { JobError } from "./errors.ts";
 *
 * const error = new JobError("UnknownJob", { requestId: "prices-1", tenant: "acme" });
 * console.log(error.message, error.body().category);
 * ```
 */
export class JobError extends Error {
  /** Name of the class, as stack traces show it. */
  override readonly name = "JobError";
  /** Code of the error. */
  readonly code: ErrorCode;
  /** Individual problems, not yet cut to {@link BOUNDS}. */
  readonly details: unknown[];

  constructor(
    code: ErrorCode,
    params: Record<string, string | number> = {},
    options: { details?: unknown[]; cause?: unknown } = {},
  ) {
    super(cutText(fillTemplate(ERRORS[code].message, params), BOUNDS.message), { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }

  /** True if the same task may succeed later. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** Returns the error as responses, documents and HTTP errors show it, cut to {@link BOUNDS}. */
  body(): ErrorBody {
    const { category, retryable } = ERRORS[this.code];
    return { category, type: this.code, message: this.message, retryable, details: boundedDetails(this.details) };
  }
}

/** Returns a JobError unchanged, and converts any other thrown value to Internal. */
export function asJobError(error: unknown): JobError {
  if (error instanceof JobError) return error;
  return new JobError("Internal", { reason: error instanceof Error ? error.message : String(error) }, { cause: error });
}

const fillTemplate = (template: string, params: Record<string, string | number>) =>
  template.replace(/\{(\w+)(\??)\}/g, (_, name: string, optional: string) =>
    cutText(String(params[name] ?? (optional ? "" : `{${name}}`)), BOUNDS.parameter),
  );
