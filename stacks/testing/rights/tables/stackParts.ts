import { api } from "./api.ts";
import { dispatcher } from "./dispatcher.ts";
import type { Part } from "./part.ts";
import { ec2Runner, glueRunner, migrations } from "./runners.ts";
import { serviceParts } from "./services.ts";
import type { StackNames } from "./stackNames.ts";

/** Every part of a stack that has a role. */
export const stackParts = (names: StackNames, rawSql: boolean): Part[] => [
  api(names),
  dispatcher(names),
  ec2Runner(names, rawSql),
  glueRunner(names, rawSql),
  migrations(names),
  ...serviceParts(names),
];
