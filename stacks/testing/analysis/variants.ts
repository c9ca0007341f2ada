import { ROOT } from "../../../runtime/platform/root.ts";
import { readStackFile } from "../../config/parse.ts";
import type { Engine } from "../engine.ts";
import { Cloud } from "../provider/cloud.ts";
import { stackEngine } from "../stackEngine.ts";

/** A stack with changes of its configuration, which the analyzers check. */
export interface Variant {
  readonly name: string;
  /** The stack on whose file it is based. */
  readonly from: "dev" | "staging" | "prod";
  /** The stack's own name, if it is a copy. */
  readonly stack?: string;
  /** Replaces fields of the file's keys, one level deep. */
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
  /** URNs of the resources that must exist before it, and that outlive it: parent and dependencies. */
  readonly needs: readonly string[];
}

/**
 * The shipped stacks, a copy, and a stack with what the others lack: together they register every resource that the
 * program can.
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

/** Changed keys of a variant's configuration, with their whole values. */
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

/** Networks whose clients a variant lets reach its API, in CIDR notation. */
export function clientNetworks(variant: Variant): string[] {
  const { network, api } = { ...readStackFile(variant.from, ROOT), ...changedKeys(variant) };
  return [network.cidr, ...api.allowedCidrs];
}

/** Returns everything that a variant registers in an `up` of the engine. */
export async function registered(variant: Variant): Promise<StoredResource[]> {
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

/** The resources of an exported state. */
export function storedResources({ deployment }: { deployment: { resources?: unknown } }): StoredResource[] {
  return ((deployment.resources ?? []) as Stored[]).map((one) => ({
    urn: one.urn,
    type: one.type,
    name: one.urn.replace(/^.*::/, ""),
    id: one.id ?? "",
    inputs: one.inputs ?? {},
    outputs: one.outputs ?? {},
    needs: [
      ...new Set([
        ...(one.parent === undefined ? [] : [one.parent]),
        ...(one.dependencies ?? []),
        ...Object.values(one.propertyDependencies ?? {}).flatMap((urns) => urns ?? []),
      ]),
    ],
  }));
}
