import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Finding } from "./suppressions.ts";
import type { StoredResource } from "./variants.ts";

/** A CloudFormation template. The metadata of each resource names the Pulumi resource that it was converted from. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}

interface TemplateResource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly Metadata: { readonly name: string; readonly type: string };
}

/** Result of checking the resources of variants against AWS's published constraints. */
export interface ConstraintResult {
  readonly templates: Readonly<Record<string, Template>>;
  readonly findings: readonly Finding[];
  /** Properties that the table does not map, although a model may constrain them. */
  readonly unmapped: readonly { readonly type: string; readonly property: string; readonly model: string }[];
  /** Numbers of checked resources, calls and distinct properties. */
  readonly checked: { readonly resources: number; readonly calls: number; readonly properties: number };
}

const REGION = "eu-central-1";
/** Maximum size in bytes of the result with its templates. */
const MAX_BYTES = 64 * 1024 * 1024;

const mapping: unknown = parse(readFileSync(new URL("mapping.yaml", import.meta.url), "utf8"), { merge: true });

/**
 * Checks resources with CloudFormation's schemas and botocore's models.
 *
 * @param python - Python of the environment that runtime/testing/models/python.sh creates.
 */
export function checkConstraints(
  python: string,
  variants: Readonly<Record<string, readonly StoredResource[]>>,
): ConstraintResult {
  const script = fileURLToPath(new URL("constraints.py", import.meta.url));
  const input = JSON.stringify({ mapping, variants, region: REGION });
  return JSON.parse(execFileSync(python, [script], { input, encoding: "utf8", maxBuffer: MAX_BYTES }));
}
