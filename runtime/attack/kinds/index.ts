import { bodies } from "./bodies.ts";
import { bombs } from "./bombs.ts";
import { emulator } from "./emulator.ts";
import type { AttackKind } from "./kind.ts";
import { messages } from "./messages.ts";
import { pathsAndHeaders } from "./pathsAndHeaders.ts";
import { readers } from "./readers.ts";
import { shares } from "./shares.ts";
import { sockets } from "./sockets.ts";
import { sources } from "./sources.ts";
import { sql } from "./sql.ts";
import { streams } from "./streams.ts";
import { tenants } from "./tenants.ts";
import { terminal } from "./terminal.ts";

/** Every kind of hostile input that the suite tries. */
export const ATTACK_KINDS: readonly AttackKind[] = [
  sql,
  readers,
  bodies,
  pathsAndHeaders,
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
