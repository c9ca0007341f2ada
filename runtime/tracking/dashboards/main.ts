import { parseArgs } from "node:util";
import { exportText } from "./export.ts";

// `npm run -s dashboards -- [--index-prefix rates-jobs] > rates.ndjson`: prints the file to import into OpenSearch
// Dashboards.

/** Valid index prefixes, as in the settings (TrackingSettings). */
const PREFIX = /^[a-z][a-z0-9-]*$/;

try {
  const { values } = parseArgs({ options: { "index-prefix": { type: "string", default: "rates-jobs" } } });
  const prefix = values["index-prefix"];
  if (!PREFIX.test(prefix))
    throw new Error(`--index-prefix '${prefix}' must match ${PREFIX}, like tracking.indexPrefix in the settings.`);
  process.stdout.write(exportText(prefix));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
