import type { Rule } from "../rule.ts";
import { ACCESS_RULES } from "./access.ts";
import { COMPUTE_RULES } from "./compute.ts";
import { DATABASE_RULES } from "./database.ts";
import { IDENTITY_RULES } from "./identity.ts";
import { LOG_RULES } from "./logs.ts";
import { NETWORK_RULES } from "./network.ts";
import { SEARCH_RULES } from "./search.ts";
import { SECRET_RULES } from "./secrets.ts";
import { STORAGE_RULES } from "./storage.ts";

/** Rules about access, encryption, backups and logs. */
export const SECURITY_RULES: readonly Rule[] = [
  ...DATABASE_RULES,
  ...STORAGE_RULES,
  ...ACCESS_RULES,
  ...NETWORK_RULES,
  ...IDENTITY_RULES,
  ...COMPUTE_RULES,
  ...SEARCH_RULES,
  ...SECRET_RULES,
  ...LOG_RULES,
];
