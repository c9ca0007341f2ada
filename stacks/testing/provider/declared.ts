import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** A resource type as its SDK declares it. */
export interface TypeDeclaration {
  readonly inputs: readonly string[];
  /** Properties that only the provider sets: unknown until the resource exists. */
  readonly outputs: readonly string[];
  /** Optional inputs that the provider chooses if they are missing: also unknown until the resource exists. */
  readonly chosen: readonly string[];
}

const cache = new Map<string, TypeDeclaration>();

/**
 * Returns the inputs and outputs of a resource type, from the constructor in its SDK's module. The module's path is the
 * middle of the token (`aws:sqs/queue:Queue` is sqs/queue.js of @pulumi/aws). Each property is one line of the
 * constructor.
 */
export function declarationOf(type: string): TypeDeclaration {
  const declaration = cache.get(type) ?? read(type);
  cache.set(type, declaration);
  return declaration;
}

function read(type: string): TypeDeclaration {
  const [name = "", module = ""] = type.split(":");
  const path = join(packageFolder(name), `${module.replace(/^index\//, "")}.js`);
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`${type} is not a resource of @pulumi/${name} ${packageVersion(name)}, which has no ${module}`, {
      cause,
    });
  }
  const inputs = new Set(Array.from(source.matchAll(/resourceInputs\["(\w+)"\] = .*args\?\./g), ([, key = ""]) => key));
  const outputs = new Set(
    Array.from(source.matchAll(/resourceInputs\["(\w+)"\] = undefined/g), ([, key = ""]) => key).filter(
      (key) => !inputs.has(key),
    ),
  );
  return {
    inputs: [...inputs],
    outputs: [...outputs],
    chosen: chosenInputs(readFileSync(path.replace(/js$/, "d.ts"), "utf8")),
  };
}

/** Lists the properties that a resource always has although its arguments may omit them (Terraform: optional, computed). */
function chosenInputs(declaration: string): string[] {
  const [resource = "", ...rest] = declaration.split("\nexport interface ");
  const always = Array.from(resource.matchAll(/^ {4}readonly (\w+): pulumi\.Output<(.*)>;$/gm)).filter(
    ([, , type = ""]) => !/\bundefined\b/.test(type),
  );
  const args = rest.at(-1) ?? "";
  return always.map(([, key = ""]) => key).filter((key) => new RegExp(`^ {4}${key}\\?: `, "m").test(args));
}

/** Returns the version of an installed Pulumi package; its resources request the same version of the provider. */
export function packageVersion(name: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageFolder(name), "package.json"), "utf8"));
  const { version } = manifest as { version: string };
  return version.replace(/^v/, "");
}

function packageFolder(name: string): string {
  return dirname(require.resolve(`@pulumi/${name}/package.json`));
}
