import { JobError } from "../contract/errors.ts";
import { markFormula } from "../contract/formula.ts";
import type { JobServices } from "./deps.ts";
import { readFinishedJob } from "./finishedJob.ts";
import type { StoredArtifact } from "./resultObject.ts";

/** Columns of a report, as the runner writes them (runtime/runner/load/check.ts). */
const COLUMNS = ["line", "column", "value", "reason"] as const;
/** Columns that contain callers' text. */
const CALLER_COLUMNS: ReadonlySet<string> = new Set(["column", "value"]);

/**
 * Finds the report of all bad rows of a batch. The error's details link to the file of a long report; a short report is
 * generated from the details.
 * @throws JobError UnknownJob, NotFinished, or NoReport if the job did not fail because of its rows
 */
export async function findReport({ db }: JobServices, tenant: string, requestId: string): Promise<StoredArtifact> {
  const { status, responseId, error } = (await readFinishedJob(db, tenant, requestId)).document;
  if (error?.type !== "InvalidRows") {
    const ending = error === undefined ? status : `${status} (${error.type})`;
    throw new JobError("NoReport", { requestId, status: ending });
  }
  const { details } = error;
  const stored = { responseId, format: "csv", compression: "none" } as const;
  const pointer = details.find((detail) => "report" in detail)?.report;
  if (pointer)
    return { ...stored, inline: null, location: pointer.location, bytes: pointer.bytes, link: { ...pointer } };
  const lines = [COLUMNS.join(), ...details.map((row) => COLUMNS.map((name) => cell(name, row[name])).join())];
  return { ...stored, inline: `${lines.join("\n")}\n`, location: undefined, bytes: 0, link: {} };
}

/** Formats a value as the runner's COPY writes it in CSV: empty for null, quoted where it would be ambiguous. */
function cell(name: string, value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = CALLER_COLUMNS.has(name) ? markFormula(String(value)) : String(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
