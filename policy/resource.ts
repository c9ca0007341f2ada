import type { Notes } from "./value.ts";
import { Value } from "./value.ts";

/** A resource as a policy pack is given it. */
export interface Given {
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
  /** The provider that makes it; undefined where the engine names none. */
  readonly provider: Resource | undefined;
  readonly #links: Given["propertyDependencies"];
  readonly #find: (urn: string) => Resource | undefined;

  constructor(given: Given, notes: (urn: string, name: string) => Notes, find: (urn: string) => Resource | undefined) {
    this.type = given.type;
    this.urn = given.urn;
    this.name = given.name;
    this.properties = new Value(rawOf(given.props), "", notes(given.urn, given.name));
    this.#links = given.propertyDependencies;
    this.#find = find;
    const { provider } = given;
    this.provider = provider && new Resource({ ...provider, type: "pulumi:providers:" }, notes, find);
  }

  /** A property by its path. */
  at(path: string): Value {
    return this.properties.at(path);
  }

  /** The resources that a property was made from, of a type: known in a preview, when their ARNs are not. */
  links(property: string, type: string): Resource[] {
    return (this.#links?.[property] ?? []).flatMap(({ urn }) => {
      const found = this.#find(urn);
      return found?.type === type ? [found] : [];
    });
  }

  /** All resources that any property was made from, of a type. */
  anyLinks(type: string): Resource[] {
    return Object.keys(this.#links ?? {}).flatMap((property) => this.links(property, type));
  }
}

/** All resources of a program. */
export class Stack {
  readonly resources: readonly Resource[];

  constructor(given: readonly Given[], notes: (urn: string, name: string) => Notes) {
    const byUrn = new Map<string, Resource>();
    this.resources = given.map((one) => {
      const resource = new Resource(one, notes, (urn) => byUrn.get(urn));
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
