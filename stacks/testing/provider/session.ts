import type { Properties } from "./values.ts";

/** One resource in a request: its URN, the name it has in the program, and its type token. */
export interface Resource {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
}

/** A resource as the cloud stores it. */
export interface Stored {
  readonly id: string;
  readonly outputs: Properties;
}

/** An input that the provider refuses, with the reason. */
export interface Refusal {
  readonly property: string;
  readonly reason: string;
}

/** Changed properties, and the subset that requires a replacement. */
export interface Difference {
  readonly changed: readonly string[];
  readonly replaces: readonly string[];
  readonly deleteFirst: boolean;
}

/** A request to build a component from its inputs and register its children. */
export interface Construction extends Resource {
  readonly parent: string;
  readonly inputs: Properties;
  /** URNs of the resources from which each input was computed. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  /** Provider references by package. */
  readonly providers: ReadonlyMap<string, string>;
  /** Address at which the engine registers resources. */
  readonly monitor: string;
  readonly preview: boolean;
}

/**
 * A component that was built: its URN, its outputs, and the URNs that these depend on. `dependenciesOf` lists them for
 * some outputs, `dependencies` for all others.
 */
export interface Constructed {
  readonly urn: string;
  readonly outputs: Properties;
  readonly dependencies: readonly string[];
  readonly dependenciesOf?: Readonly<Record<string, readonly string[]>>;
}

/**
 * A configured provider. Every method may throw; the message is then the provider's error. Secrets arrive in plain text,
 * as in the real providers of AWS and Docker; the engine marks them again in the results.
 */
export interface Session {
  check(
    resource: Resource,
    news: Properties,
    olds: Properties,
    seed: Uint8Array,
  ): { inputs: Properties; refusals: Refusal[] };
  diff(resource: Resource, news: Properties, olds: Properties): Difference;
  create(resource: Resource, inputs: Properties, preview: boolean): Stored;
  /** Returns the current resource in the cloud and the inputs that would produce it; undefined if it does not exist. */
  read(resource: Resource, id: string, inputs: Properties): (Stored & { readonly inputs: Properties }) | undefined;
  update(resource: Resource, id: string, inputs: Properties, outputs: Properties, preview: boolean): Properties;
  remove(resource: Resource, id: string, outputs: Properties): void;
  invoke(token: string, args: Properties): Properties;
  construct?(construction: Construction): Promise<Constructed>;
}

/** Configures a provider from its properties. Nested properties are JSON text, as the engine sends them. */
export type Configure = (config: Properties) => Session;
