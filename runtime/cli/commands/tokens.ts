import { InvalidArgumentError } from "commander";
import { SCOPES, type Scope, type TokenInfo } from "../../store/tokens.ts";
import { type CliContext, clientOf } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { print, printInfo, printJson, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";
import { pointInTime, timeText } from "../lib/times.ts";

/** Commands for API tokens: create, list and revoke. They need an admin's token. */
export function tokenCommands({ program }: CliContext): void {
  const token = examples(
    program.command("token").description("Create, list and revoke API tokens; needs an admin's token"),
    "rates token create billing --for acme --scopes read,submit",
    "rates token list",
  );

  examples(token.command("create"), "rates token create billing --for acme --scopes read,submit")
    .description("Create a token; it is printed only once")
    .argument("<name>", "name of the token, for example the service that uses it")
    .requiredOption("--scopes <scopes>", `${SCOPES.join(", ")}: one or more, comma-separated`, parseScopes)
    .option("--for <tenant>", "tenant of the token", "default")
    .option("--expires <time>", "expiry, for example 2030-01-31 or 2030-01-31T12:00:00Z", (value: string) =>
      pointInTime(value),
    )
    .action(async (name: string, flags: { scopes: Scope[]; for: string; expires?: string }, command) => {
      const { client, json } = clientOf(command);
      const { scopes, expires: expiresAt } = flags;
      const body = { name, tenant: client.tenant ?? flags.for, scopes, ...(expiresAt ? { expiresAt } : {}) };
      const created = await client.json<{ id: string; token: string }>("POST", "/tokens", body);
      if (json) return printJson(created);
      print(created.token);
      printInfo(
        `Token ${created.id} for ${body.tenant}; it is not shown again. \`rates token revoke ${created.id}\` revokes it.`,
      );
    });

  examples(token.command("list"), "rates token list", "rates token list --json")
    .description("List tokens and open sessions, without their secrets")
    .action(async (_flags: object, command) => {
      const { client, json } = clientOf(command);
      const { tokens } = await client.json<{ tokens: TokenInfo[] }>("GET", "/tokens");
      if (json) return printJson(tokens);
      print(tokensTable(tokens));
    });

  examples(token.command("revoke"), "rates token revoke 3f9c2a1b04de")
    .description("Revoke a token or a session, and the sessions created with it")
    .argument("<id>", "id of the token or session, from `rates token list`")
    .action(async (id: string, _flags: object, command) => {
      const { client, json } = clientOf(command);
      await client.fetch("DELETE", `/tokens/${encodeURIComponent(id)}`);
      if (json) return printJson({ id, revoked: true });
      printInfo(`${id} is revoked.`);
    });
}

/** Formats tokens as a table, without columns that are empty for all tokens. */
function tokensTable(tokens: readonly TokenInfo[]): string {
  const day = (time: string | null | undefined) => time?.slice(0, 10) ?? "";
  const minute = (time: string | null | undefined) => timeText(time).slice(0, 16);
  const columns: [name: string, cell: (token: TokenInfo) => string][] = [
    ["ID", ({ id }) => id],
    ["KIND", ({ kind }) => kind],
    ["NAME", ({ name }) => name],
    ["TENANT", ({ tenant }) => tenant],
    ["SCOPES", ({ scopes }) => scopes.join(",")],
    ["CREATED", ({ createdAt }) => day(createdAt)],
    ["LAST USED", ({ lastUsedOn }) => day(lastUsedOn)],
    ["EXPIRES (UTC)", ({ expiresAt }) => minute(expiresAt)],
    ["REVOKED (UTC)", ({ revokedAt }) => minute(revokedAt)],
  ];
  const visibleColumns = columns.filter(([, cell]) => tokens.some((token) => cell(token) !== ""));
  return table(
    visibleColumns.map(([name]) => name),
    tokens.map((token) => visibleColumns.map(([, cell]) => cell(token))),
    width(process.stdout),
    { keep: [0] },
  );
}

/** Parses a comma-separated list of scopes. */
function parseScopes(value: string): Scope[] {
  const names = value.split(",").map((scope) => scope.trim());
  const unknown = names.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`'${unknown}' is not a scope. Scopes: ${SCOPES.join(", ")}.`);
  return [...new Set(names)] as Scope[];
}
