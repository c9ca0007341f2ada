import type { Rule } from "../rule.ts";
import { ACCOUNT_RULES } from "./account.ts";
import { COMPUTE_RULES } from "./compute.ts";
import { COST_RULES } from "./cost.ts";
import { DATABASE_RULES } from "./database.ts";
import { DOCUMENT_RULES } from "./documents.ts";
import { FUNCTION_RULES } from "./functions.ts";
import { GLUE_RULES } from "./glue.ts";
import { QUEUE_RULES } from "./queues.ts";

/** Rules about the limits of accounts and services. */
export const LIMIT_RULES: readonly Rule[] = [
  ...ACCOUNT_RULES,
  ...QUEUE_RULES,
  ...FUNCTION_RULES,
  ...GLUE_RULES,
  ...DATABASE_RULES,
  ...COMPUTE_RULES,
  ...DOCUMENT_RULES,
  ...COST_RULES,
];
