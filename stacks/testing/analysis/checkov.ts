import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Template } from "./constraints.ts";
import type { Finding } from "./suppressions.ts";

/** The used fields of checkov's report. */
interface Report {
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string;
      readonly check_name: string;
      /** `<type>.<logical id>` */
      readonly resource: string;
      readonly file_path: string;
    }[];
  };
  readonly summary: { readonly parsing_errors: number };
}

/**
 * Runs checkov on templates. It downloads neither guidelines nor modules.
 * @param checkov - Command in the environment that stacks/testing/analysis/checkov.sh creates.
 */
export function checkovFindings(checkov: string, templates: Readonly<Record<string, Template>>): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), "rates-checkov-"));
  try {
    for (const [variant, template] of Object.entries(templates))
      writeFileSync(join(folder, `${variant}.json`), JSON.stringify(template, null, 1));
    const options = ["--framework", "cloudformation", "--output", "json", "--quiet", "--compact", "--soft-fail"];
    const text = execFileSync(checkov, ["--directory", folder, "--skip-download", ...options], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 * 1024 * 1024,
    });
    const { results, summary }: Report = JSON.parse(text);
    if (summary.parsing_errors > 0) throw new Error(`checkov cannot read ${summary.parsing_errors} templates`);
    return results.failed_checks.map(({ check_id, check_name, resource, file_path }) => {
      const variant = file_path.replace(/^\/|\.json$/g, "");
      const source = templates[variant]?.Resources[resource.split(".").at(-1) ?? ""]?.Metadata;
      if (source === undefined)
        throw new Error(`checkov reports ${resource} of ${file_path}, which is not in any template`);
      return {
        analyzer: "checkov",
        type: source.type,
        path: "",
        rule: check_id,
        message: check_name,
        resource: source.name,
        variants: [variant],
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
