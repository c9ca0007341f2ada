import { typeOf } from "./types.ts";
import { type UnresolvedReporter, Value } from "./value.ts";

/** A resource as a policy pack receives it. */
export interface RawResource {
  /** Type token, for example `aws:sqs/queue:Queue`. */
  readonly type: string;
  /** Unique name of the resource in Pulumi. */
  readonly urn: string;
  /** Name in the program. */
  readonly name: string;
  /** Properties as the program set them, or as the provider returned them. */
  readonly props: Record<string, unknown>;
  /** Provider of the resource. */
  readonly provider?: { readonly urn: string; readonly name: string; readonly props: Record<string, unknown> };
  /** URNs of the resources that each property depends on; in stack validation only. */
  readonly propertyDependencies?: Readonly<Record<string, readonly { readonly urn: string }[]>>;
}

/** One resource of a program; reading its properties never throws (Value). */
export class Resource {
  /** Type token; aliases such as `BucketV2` are replaced by their current type. */
  readonly type: string;
  /** Unique name of the resource in Pulumi. */
  readonly urn: string;
  /** Name in the program. */
  readonly name: string;
  /** All properties. */
  readonly properties: Value;
  readonly #inputs: Value | undefined;
  /** Its provider; undefined if the engine names none. */
  readonly provider: Resource | undefined;
  readonly #links: RawResource["propertyDependencies"];
  readonly #find: (urn: string) => Resource | undefined;

  constructor(
    raw: RawResource,
    reporterOf: (resource: RawResource) => UnresolvedReporter,
    find: (urn: string) => Resource | undefined,
    inputs?: RawResource["props"],
  ) {
    this.type = typeOf(raw.type);
    this.urn = raw.urn;
    this.name = raw.name;
    const reporter = reporterOf(raw);
    this.properties = new Value(copyProperties(raw.props), "", reporter);
    this.#inputs = inputs && new Value(copyProperties(inputs), "", reporter);
    this.#links = raw.propertyDependencies;
    this.#find = find;
    const { provider } = raw;
    this.provider = provider && new Resource({ ...provider, type: "pulumi:providers:" }, reporterOf, find);
  }

  /**
   * Returns a property by its path. For stack validation, the engine passes outputs, and those that the provider sets are
   * unknown in a preview. Instead of an unknown output, this method returns the program's input.
   */
  at(path: string): Value {
    const value = this.properties.at(path);
    return value.isUnknown && this.#inputs ? this.#inputs.at(path) : value;
  }

  /** Returns the resources of a type that a property depends on; they are known in a preview, unlike their ARNs. */
  links(property: string, type: string): Resource[] {
    return (this.#links?.[property] ?? []).flatMap(({ urn }) => {
      const linked = this.#find(urn);
      return linked?.type === type ? [linked] : [];
    });
  }

  /** Returns true if a property depends on resources of any type, so that it may be unknown in a preview. */
  dependsOnResources(property: string): boolean {
    return (this.#links?.[property] ?? []).length > 0;
  }

  /** Returns the resources of a type that any property depends on. */
  anyLinks(type: string): Resource[] {
    return Object.keys(this.#links ?? {}).flatMap((property) => this.links(property, type));
  }
}

/** Inputs of the resources that the pack has received, by URN. */
export type RequestedProperties = ReadonlyMap<string, RawResource["props"]>;

/** All resources of a program. */
export class Stack {
  /** All resources, in the order in which the engine passes them. */
  readonly resources: readonly Resource[];

  constructor(
    raw: readonly RawResource[],
    reporterOf: (resource: RawResource) => UnresolvedReporter,
    inputsByUrn: RequestedProperties = new Map(),
  ) {
    const byUrn = new Map<string, Resource>();
    this.resources = raw.map((rawResource) => {
      const resource = new Resource(rawResource, reporterOf, (urn) => byUrn.get(urn), inputsByUrn.get(rawResource.urn));
      byUrn.set(rawResource.urn, resource);
      return resource;
    });
  }

  /** Returns the resources of a type. */
  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** Returns the resources of a type whose property depends on the target. */
  linkedTo(target: Resource, type: string, property: string): Resource[] {
    return this.of(type).filter((resource) => resource.links(property, target.type).includes(target));
  }
}

/** Copies properties without reading them: @pulumi/policy throws when an unknown property is read. */
function copyProperties(props: Record<string, unknown>): unknown {
  const descriptors = Object.entries(Object.getOwnPropertyDescriptors(props ?? {}));
  return Object.fromEntries(descriptors.map(([name, { value }]) => [name, value]));
}
