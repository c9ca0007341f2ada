import Type from "typebox";
import Value from "typebox/value";

/** Time limit of a smoke run in the stack's network, and lifetime of its token, in seconds. */
export const SMOKE_SECONDS = 7_200;

/** Prefix of the log line with the id and the hash of the smoke task's token. */
const TOKEN_LINE = "smoke-token ";

/** Id of a token, and the hash that the database stores. */
const TokenHash = Type.Object(
  { id: Type.String({ pattern: "^[0-9a-f]{12}$" }), hash: Type.String({ pattern: "^[0-9a-f]{64}$" }) },
  { additionalProperties: false },
);
export type TokenHash = Type.Static<typeof TokenHash>;

/**
 * Formats the log line with which the smoke task (an ECS task) sends the hash of its token to the command that started
 * it, which stores the hash. The token is not logged.
 */
export const tokenLine = ({ id, hash }: TokenHash): string => `${TOKEN_LINE}${JSON.stringify({ id, hash })}`;

/** Parses the log line with a token's hash; returns undefined for other lines. */
export function parseTokenLine(line: string): TokenHash | undefined {
  if (!line.startsWith(TOKEN_LINE)) return undefined;
  try {
    const token: unknown = JSON.parse(line.slice(TOKEN_LINE.length));
    return Value.Check(TokenHash, token) ? token : undefined;
  } catch {
    return undefined;
  }
}
