import { join } from "node:path";
import { ROOT } from "../../platform/root.ts";
import { FILES } from "./files.ts";
import { READS } from "./reads.ts";
import type { Report } from "./report.ts";
import { SERVICES } from "./services.ts";

/** Reports by topic. */
export const REPORTS: Readonly<Record<string, readonly Report[]>> = {
  "results of reads": READS,
  "files and batches": FILES,
  "requests, queues and failures": SERVICES,
};

/** Returns the short name of a report: `duckdb/duckdb#1501`. */
export const nameOf = ({ url }: Report): string => {
  const [, repository, number] = /^https:\/\/github[.]com\/([^/]+\/[^/]+)\/(?:issues|pull)\/([0-9]+)$/.exec(url) ?? [];
  if (repository === undefined) throw new Error(`${url} is not a report on GitHub`);
  return `${repository}#${number}`;
};

const inCell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\\N", "\\\\N").replaceAll("\\.", "\\\\.");

/** The page that lists the reports. */
export const PAGE = join(ROOT, "docs/public-reports.md");
const BEGIN = "<!-- reports: begin -->";
const END = "<!-- reports: end -->";

/**
 * Returns the page with the current tables between its markers.
 * @throws Error if the page has no markers
 */
export function withTables(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} lacks ${BEGIN} or ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${tables()}\n\n${page.slice(end)}`;
}

/** Formats a table per topic, with one row per report. */
const tables = (): string =>
  Object.entries(REPORTS)
    .map(([topic, reports]) =>
      [
        `### About ${topic}`,
        "",
        "| report | reported behaviour | behaviour of the platform | verdict |",
        "|---|---|---|---|",
        ...reports.map(
          (report) =>
            `| [${nameOf(report)}](${report.url}) | ${inCell(report.reported)} | ${inCell(report.behaviour)} | ${report.verdict} |`,
        ),
      ].join("\n"),
    )
    .join("\n\n");
