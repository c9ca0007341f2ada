import { api } from "./api.ts";
import type { Component } from "./component.ts";
import { dispatcher } from "./dispatcher.ts";
import { ec2Runner, glueRunner, migrations } from "./runners.ts";
import { serviceComponents } from "./services.ts";
import type { StackNames } from "./stackNames.ts";

/** Returns all components of a stack that have a role. */
export const stackComponents = (names: StackNames, rawSql: boolean): Component[] => [
  api(names),
  dispatcher(names),
  ec2Runner(names, rawSql),
  glueRunner(names, rawSql),
  migrations(names),
  ...serviceComponents(names),
];
