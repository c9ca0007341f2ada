import { ROOT } from "../../../runtime/platform/root.ts";
import { readStackFile } from "../../config/parse.ts";
import type { Engine } from "../engine.ts";
import { Cloud } from "../provider/cloud.ts";
import { stackEngine } from "../stackEngine.ts";

/** A stack, possibly with changes to its configuration, that the analyzers check. */
export interface Variant {
  readonly name: string;
  /** Stack whose file is the base. */
  readonly from: "dev" | "staging" | "prod";
  /** Name of the stack, if it is a copy. */
  readonly stack?: string;
  /**
   * Changes to the file's keys. Fields of an object are merged into the key's value. A list, a text or a tracking store
   * (an object with `store`) replaces the value.
   */
  readonly changes?: Readonly<Record<string, Readonly<Record<string, unknown>> | readonly unknown[] | string>>;
}

/** A registered resource with all values known. */
export interface StoredResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** URNs of the resources that exist before it and outlive it: its parent and dependencies. */
  readonly needs: readonly string[];
}

/**
 * The shipped stacks, a copy, and a stack with the features that the others lack. Together they register every type of
 * resource that the program can register.
 */
export const VARIANTS: readonly Variant[] = [
  { name: "dev", from: "dev" },
  { name: "staging", from: "staging" },
  { name: "prod", from: "prod" },
  {
    name: "copy",
    from: "dev",
    stack: "dev-anna",
    changes: {
      tenants: ["acme"],
      callers: [
        { principal: "arn:aws:iam::444444444444:root", tenants: ["acme"], senderIds: ["AROAABCDEFGHIJKLMNOPQ"] },
      ],
      runners: { ec2: { maxInstances: 4, instanceType: "t3.small", spot: false } },
      traces: {
        endpoint: "https://collector.example.com",
        headersSecret: "arn:aws:secretsmanager:eu-central-1:111111111111:secret:rates/collector-AbCdEf",
      },
      arch: "x86_64",
    },
  },
  {
    name: "isolated",
    from: "dev",
    changes: {
      network: { nat: "none" },
      tracking: {
        store: "opensearch",
        instanceType: "m7g.medium.search",
        instanceCount: 2,
        zoneCount: 2,
        storageGb: 20,
      },
      api: {
        public: true,
        allowedCidrs: ["192.0.2.0/24"],
        certificateArn: "arn:aws:acm:eu-central-1:111111111111:certificate/00000000-0000-4000-8000-000000000001",
        domainName: "rates.dev.example.com",
        hostedZoneId: "Z0123456789ABCDEFGHIJ",
      },
      data: { keep: true },
      budget: { monthlyUsd: 1_000 },
    },
  },
];

/** Returns the changed keys of a variant's configuration, with their complete values. */
function changedKeys({ from, changes = {} }: Variant): Record<string, unknown> {
  const file = readStackFile(from, ROOT) as unknown as Record<string, object>;
  return Object.fromEntries(
    Object.entries(changes).map(([key, change]) => {
      const replaces = typeof change !== "object" || Array.isArray(change) || "store" in change;
      return [key, replaces ? change : { ...file[key], ...change }];
    }),
  );
}

/** Creates an engine for a variant. */
export function variantEngine(variant: Variant): Promise<Engine> {
  const { from, stack = from } = variant;
  const changed = Object.entries(changedKeys(variant)).map(([key, value]) => [`rates-platform:${key}`, value] as const);
  const cloud = new Cloud({ account: readStackFile(from, ROOT).account.id });
  return stackEngine(from, { stack, config: Object.fromEntries(changed), cloud });
}

/** Returns the networks whose clients may reach a variant's API, in CIDR notation. */
export function clientNetworks(variant: Variant): string[] {
  const { network, api } = { ...readStackFile(variant.from, ROOT), ...changedKeys(variant) };
  return [network.cidr, ...api.allowedCidrs];
}

/** Returns all resources that a variant registers in an `up` of the engine. */
export async function registeredResources(variant: Variant): Promise<StoredResource[]> {
  const engine = await variantEngine(variant);
  try {
    await engine.up();
    return storedResources(await engine.exportState());
  } finally {
    await engine.close();
  }
}

interface Stored {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  parent?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[] | null>;
}

/** Returns the resources of an exported state. */
export function storedResources({ deployment }: { deployment: { resources?: unknown } }): StoredResource[] {
  return ((deployment.resources ?? []) as Stored[]).map((resource) => ({
    urn: resource.urn,
    type: resource.type,
    name: resource.urn.replace(/^.*::/, ""),
    id: resource.id ?? "",
    inputs: resource.inputs ?? {},
    outputs: resource.outputs ?? {},
    needs: [
      ...new Set([
        ...(resource.parent === undefined ? [] : [resource.parent]),
        ...(resource.dependencies ?? []),
        ...Object.values(resource.propertyDependencies ?? {}).flatMap((urns) => urns ?? []),
      ]),
    ],
  }));
}
