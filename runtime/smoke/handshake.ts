import Type from "typebox";
import Value from "typebox/value";

/** Seconds that a smoke run in the stack's network has, and its token with it. */
export const SMOKE_SECONDS = 7_200;

/** Begins the line of the log that hands on the id and the hash of the task's token. */
const TOKEN_LINE = "smoke-token ";

/** What the database keeps of a token, beside what it is for. */
const TokenHash = Type.Object(
  { id: Type.String({ pattern: "^[0-9a-f]{12}$" }), hash: Type.String({ pattern: "^[0-9a-f]{64}$" }) },
  { additionalProperties: false },
);
export type TokenHash = Type.Static<typeof TokenHash>;

/** The line by which a task asks that its token be kept. The token itself never leaves the task. */
export const tokenLine = ({ id, hash }: TokenHash): string => `${TOKEN_LINE}${JSON.stringify({ id, hash })}`;

/** The token that a line of the log asks to keep; undefined for any other line. */
export function tokenOf(line: string): TokenHash | undefined {
  if (!line.startsWith(TOKEN_LINE)) return undefined;
  try {
    const token: unknown = JSON.parse(line.slice(TOKEN_LINE.length));
    return Value.Check(TokenHash, token) ? token : undefined;
  } catch {
    return undefined;
  }
}
