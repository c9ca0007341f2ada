import { ROOT } from "../../runtime/platform/root.ts";
import { readStackFile } from "../config/parse.ts";
import { type Engine, type EngineOptions, engine, moduleProgram } from "./engine.ts";
import { Cloud } from "./provider/cloud.ts";

/** Creates a shipped stack in the engine, with the stack's settings and credentials of its account. */
export const stackEngine = (stack: string, options: Partial<EngineOptions> = {}): Promise<Engine> =>
  engine({
    program: moduleProgram(new URL("../index.ts", import.meta.url)),
    stack,
    settings: `${ROOT}Pulumi.${stack}.yaml`,
    cloud: new Cloud({ account: readStackFile(stack, ROOT).account.id }),
    ...options,
  });
