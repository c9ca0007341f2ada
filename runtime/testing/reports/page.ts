import { FILES } from "./files.ts";
import { READS } from "./reads.ts";
import type { Report } from "./report.ts";
import { SERVICES } from "./services.ts";

/** The reports by what they are about. */
export const REPORTS: Readonly<Record<string, readonly Report[]>> = {
  "results of reads": READS,
  "files and batches": FILES,
  "requests, queues and failures": SERVICES,
};

/** Short name of a report: `duckdb/duckdb#1501`. */
export const nameOf = ({ url }: Report): string => {
  const [, repository, number] = /^https:\/\/github[.]com\/([^/]+\/[^/]+)\/(?:issues|pull)\/([0-9]+)$/.exec(url) ?? [];
  if (repository === undefined) throw new Error(`${url} is not a report on GitHub`);
  return `${repository}#${number}`;
};

const inCell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\\N", "\\\\N").replaceAll("\\.", "\\\\.");

/** The table of the page, one row per report. */
export const reportsTable = (): string =>
  Object.entries(REPORTS)
    .map(([about, reports]) =>
      [
        `### About ${about}`,
        "",
        "| report | what was reported | what the platform does | verdict |",
        "|---|---|---|---|",
        ...reports.map(
          (report) =>
            `| [${nameOf(report)}](${report.url}) | ${inCell(report.reported)} | ${inCell(report.here)} | ${report.verdict} |`,
        ),
      ].join("\n"),
    )
    .join("\n\n");
