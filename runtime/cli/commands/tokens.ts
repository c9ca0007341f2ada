import { InvalidArgumentError } from "commander";
import { SCOPES, type Scope, type TokenInfo } from "../../store/tokens.ts";
import { type CliContext, clientOf } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { print, printJson, say, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";
import { pointInTime } from "../lib/times.ts";

/** Commands for who says who may call: token create, list and revoke. They take an admin's token. */
export function tokenCommands({ program }: CliContext): void {
  const token = examples(
    program.command("token").description("Make, list and revoke API tokens (takes an admin's token)"),
    "rates token create billing --for acme --scopes read,submit",
    "rates token list",
  );

  examples(token.command("create"), "rates token create billing --for acme --scopes read,submit")
    .description("Make a token; it is printed this once")
    .argument("<name>", "name of the token, for example the service that uses it")
    .requiredOption("--scopes <scopes>", `a list of ${SCOPES.join(", ")}`, scopes)
    .option("--for <tenant>", "whose jobs it is for (default)", "default")
    .option(
      "--expires <time>",
      "when it is no longer accepted, for example 2030-01-31 or 2030-01-31T12:00:00Z",
      (value: string) => pointInTime(value),
    )
    .action(async (name: string, flags: { scopes: Scope[]; for: string; expires?: string }, command) => {
      const { client, json } = clientOf(command);
      const { scopes, expires: expiresAt } = flags;
      const body = { name, tenant: client.tenant ?? flags.for, scopes, ...(expiresAt ? { expiresAt } : {}) };
      const made = await client.json<{ id: string; token: string }>("POST", "/tokens", body);
      if (json) return printJson(made);
      print(made.token);
      say(`Token ${made.id} for ${body.tenant}: it is not shown again. \`rates token revoke ${made.id}\` ends it.`);
    });

  examples(token.command("list"), "rates token list", "rates token list --json")
    .description("All tokens and open sessions, without their secrets")
    .action(async (_flags: object, command) => {
      const { client, json } = clientOf(command);
      const { tokens } = await client.json<{ tokens: TokenInfo[] }>("GET", "/tokens");
      if (json) return printJson(tokens);
      print(tokensTable(tokens));
    });

  examples(token.command("revoke"), "rates token revoke 3f9c2a1b")
    .description("Revoke a token or a session, and the sessions made with it")
    .argument("<id>", "its id, as the list shows it")
    .action(async (id: string, _flags: object, command) => {
      const { client, json } = clientOf(command);
      await client.fetch("DELETE", `/tokens/${encodeURIComponent(id)}`);
      if (json) return printJson({ id, revoked: true });
      say(`${id} is revoked.`);
    });
}

const tokensTable = (tokens: readonly TokenInfo[]): string =>
  table(
    ["ID", "KIND", "NAME", "TENANT", "SCOPES", "MADE", "LAST USED", "EXPIRES", "REVOKED"],
    tokens.map(({ id, kind, name, tenant, scopes, createdAt, lastUsedOn, expiresAt, revokedAt }) => [
      id,
      kind,
      name,
      tenant,
      scopes.join(","),
      createdAt,
      lastUsedOn ?? "",
      expiresAt ?? "",
      revokedAt ?? "",
    ]),
    width(process.stdout),
    { keep: [0] },
  );

/** read,submit */
function scopes(value: string): Scope[] {
  const all = value.split(",").map((one) => one.trim());
  const wrong = all.find((one) => !(SCOPES as readonly string[]).includes(one));
  if (wrong !== undefined) throw new InvalidArgumentError(`'${wrong}' is not a scope. Scopes: ${SCOPES.join(", ")}.`);
  return [...new Set(all)] as Scope[];
}
