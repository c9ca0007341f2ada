import { bodies } from "./bodies.ts";
import { bombs } from "./bombs.ts";
import { emulator } from "./emulator.ts";
import type { Kind } from "./kind.ts";
import { lines } from "./lines.ts";
import { messages } from "./messages.ts";
import { readers } from "./readers.ts";
import { shares } from "./shares.ts";
import { sockets } from "./sockets.ts";
import { sources } from "./sources.ts";
import { sql } from "./sql.ts";
import { streams } from "./streams.ts";
import { tenants } from "./tenants.ts";
import { terminal } from "./terminal.ts";

/** Every kind of hostile input that the suite tries. */
export const KINDS: readonly Kind[] = [
  sql,
  readers,
  bodies,
  lines,
  messages,
  tenants,
  sources,
  sockets,
  bombs,
  streams,
  terminal,
  emulator,
  shares,
];
