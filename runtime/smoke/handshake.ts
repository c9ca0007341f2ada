import Type from "typebox";
import Value from "typebox/value";

/** Time limit of a smoke run in the stack's network, and lifetime of its token. Seconds. */
export const SMOKE_SECONDS = 7_200;

/** Prefix of the log line with the id and the hash of the task's token. */
const TOKEN_LINE = "smoke-token ";

/** Data that the database stores about a token. */
const TokenHash = Type.Object(
  { id: Type.String({ pattern: "^[0-9a-f]{12}$" }), hash: Type.String({ pattern: "^[0-9a-f]{64}$" }) },
  { additionalProperties: false },
);
export type TokenHash = Type.Static<typeof TokenHash>;

/** Formats the line by which a task asks to store its token's hash. The token itself never leaves the task. */
export const tokenLine = ({ id, hash }: TokenHash): string => `${TOKEN_LINE}${JSON.stringify({ id, hash })}`;

/** Parses the token hash in a log line; undefined for other lines. */
export function tokenOf(line: string): TokenHash | undefined {
  if (!line.startsWith(TOKEN_LINE)) return undefined;
  try {
    const token: unknown = JSON.parse(line.slice(TOKEN_LINE.length));
    return Value.Check(TokenHash, token) ? token : undefined;
  } catch {
    return undefined;
  }
}
