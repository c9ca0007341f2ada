import { typeOf } from "./types.ts";
import { type UnresolvedReporter, Value } from "./value.ts";

/** A resource as a policy pack is given it. */
export interface RawResource {
  readonly type: string;
  readonly urn: string;
  readonly name: string;
  readonly props: Record<string, unknown>;
  readonly provider?: { readonly urn: string; readonly name: string; readonly props: Record<string, unknown> };
  /** Which resources a property was made from; stacks only. */
  readonly propertyDependencies?: Readonly<Record<string, readonly { readonly urn: string }[]>>;
}

/** One resource of a program; reading it never throws (Value). */
export class Resource {
  readonly type: string;
  readonly urn: string;
  readonly name: string;
  readonly properties: Value;
  readonly #requested: Value | undefined;
  /** The provider that makes it; undefined where the engine names none. */
  readonly provider: Resource | undefined;
  readonly #links: RawResource["propertyDependencies"];
  readonly #find: (urn: string) => Resource | undefined;

  constructor(
    given: RawResource,
    notes: (urn: string, name: string) => UnresolvedReporter,
    find: (urn: string) => Resource | undefined,
    asked?: RawResource["props"],
  ) {
    this.type = typeOf(given.type);
    this.urn = given.urn;
    this.name = given.name;
    const own = notes(given.urn, given.name);
    this.properties = new Value(rawOf(given.props), "", own);
    this.#requested = asked && new Value(rawOf(asked), "", own);
    this.#links = given.propertyDependencies;
    this.#find = find;
    const { provider } = given;
    this.provider = provider && new Resource({ ...provider, type: "pulumi:providers:" }, notes, find);
  }

  /**
   * A property by its path. Of a stack the engine shows what comes of each resource: what a program leaves to the provider
   * is unknown there in a preview, though nobody ever set it. Then it counts what was asked for.
   */
  at(path: string): Value {
    const outcome = this.properties.at(path);
    return outcome.isUnknown && this.#requested ? this.#requested.at(path) : outcome;
  }

  /** The resources that a property was made from, of a type: known in a preview, when their ARNs are not. */
  links(property: string, type: string): Resource[] {
    return (this.#links?.[property] ?? []).flatMap(({ urn }) => {
      const found = this.#find(urn);
      return found?.type === type ? [found] : [];
    });
  }

  /** Whether a property was made from resources of any type, so that it may well be unknown in a preview. */
  isMadeFromOthers(property: string): boolean {
    return (this.#links?.[property] ?? []).length > 0;
  }

  /** All resources that any property was made from, of a type. */
  anyLinks(type: string): Resource[] {
    return Object.keys(this.#links ?? {}).flatMap((property) => this.links(property, type));
  }
}

/** What a program asked for of each resource, by URN, as far as a pack has been shown it. */
export type RequestedProperties = ReadonlyMap<string, RawResource["props"]>;

/** All resources of a program. */
export class Stack {
  readonly resources: readonly Resource[];

  constructor(
    given: readonly RawResource[],
    notes: (urn: string, name: string) => UnresolvedReporter,
    asked: RequestedProperties = new Map(),
  ) {
    const byUrn = new Map<string, Resource>();
    this.resources = given.map((one) => {
      const resource = new Resource(one, notes, (urn) => byUrn.get(urn), asked.get(one.urn));
      byUrn.set(one.urn, resource);
      return resource;
    });
  }

  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The resources of a type that were made from another by a property. */
  linkedTo(target: Resource, type: string, property: string): Resource[] {
    return this.of(type).filter((resource) => resource.links(property, target.type).includes(target));
  }
}

/** The properties without the proxy that throws where a value is unknown (@pulumi/policy's proxy.ts). */
function rawOf(props: Record<string, unknown>): unknown {
  return (props as { __getSpecialProxyTarget?: unknown } | null)?.__getSpecialProxyTarget ?? props;
}
