import { type CliContext, clientOf } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { print, printInfo, printJson, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";

/** Usage of a tenant in the response of GET /usage. */
interface TenantUsage {
  tenant: string;
  succeeded: number;
  failed: number;
  cancelled: number;
  rows: number;
  bytes: number;
  glueSeconds: number;
  ec2Seconds: number;
  estimatedUsd?: number;
}

/** `rates usage`: shows a month's usage by tenant, with the estimated cost at list prices. */
export function usageCommand({ program }: CliContext): void {
  examples(program.command("usage"), "rates usage", "rates usage --month 2026-01 --json")
    .description(
      "Show a month's jobs, rows, run time and estimated cost: of your tenant or, for admins, of all tenants",
    )
    .option("--month <month>", "YYYY-MM in UTC (default: the current month)", monthOption)
    .action(async ({ month }: { month?: string }, command) => {
      const { client, json } = clientOf(command);
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries({ month, tenant: client.tenant }))
        if (value !== undefined) search.set(name, value);
      const response = await client.json<{ month: string; tenants: TenantUsage[]; furtherTenants: boolean }>(
        "GET",
        `/usage?${search}`,
      );
      if (json) return printJson(response);
      if (response.tenants.length === 0)
        return printInfo(`No jobs ended in ${response.month}. Jobs are counted within minutes of their end.`);
      const rows = response.tenants.map((tenant) => [
        tenant.tenant,
        ...[tenant.succeeded, tenant.failed, tenant.cancelled, tenant.rows, tenant.bytes].map((value) =>
          value.toLocaleString("en"),
        ),
        hours(tenant.glueSeconds),
        hours(tenant.ec2Seconds),
        tenant.estimatedUsd === undefined ? "" : tenant.estimatedUsd.toFixed(2),
      ]);
      const names = ["TENANT", "SUCCEEDED", "FAILED", "CANCELLED", "ROWS", "BYTES", "GLUE H", "EC2 H", "USD"];
      print(table(names, rows, width(process.stdout), { keep: [0] }));
      if (response.furtherTenants) printInfo("There are more tenants: --tenant NAME shows one of them.");
      if (response.tenants.some(({ estimatedUsd }) => estimatedUsd !== undefined))
        printInfo("USD: run time at the list prices of eu-central-1, without idle time, storage and traffic.");
    });
}

const hours = (seconds: number): string => (seconds / 3_600).toFixed(2);

function monthOption(text: string): string {
  if (/^(19|20)\d{2}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw new CommandError("invalid", `--month '${text}' must be a month (YYYY-MM).`);
}
