import { createHash } from "node:crypto";
import type { Properties } from "./values.ts";

/** A resource in the cloud. */
export interface CloudResource {
  readonly type: string;
  readonly id: string;
  readonly urn: string;
  readonly account: string;
  readonly region: string;
  readonly name: string | undefined;
  readonly properties: Properties;
}

/** Options of a simulated cloud. */
export interface CloudOptions {
  /** Account of the credentials that a provider uses if it assumes no role. */
  readonly account?: string;
  /**
   * True to refuse a provider in an account that its `allowedAccountIds` does not name, as the AWS provider does. False
   * to test the program's own check.
   * @default true
   */
  readonly enforceAllowedAccounts?: boolean;
  /**
   * Returns the result of a function that `aws.lambda.Invocation` calls. If it throws, the call fails.
   *
   * @default returns null
   */
  readonly lambda?: (functionName: string, input: string) => unknown;
  /** Results of look-ups that replace the default results, by token (`aws:index/getRegion:getRegion`). */
  readonly lookUpResults?: Readonly<Record<string, (args: Properties) => Properties>>;
  /** Called before each change outside previews. If it throws, the change is refused, as by a quota. */
  readonly refuse?: (operation: "create" | "update" | "delete", type: string, properties: Properties) => void;
}

/**
 * A simulated cloud: all resources that simulated providers created, in every account. It outlives an engine, so that
 * several stacks can share an account. A test may change resources with `store` and `remove`, which the engine sees as
 * drift.
 */
export class Cloud {
  readonly options: CloudOptions;
  readonly resources = new Map<string, CloudResource>();
  #hexCalls = 0;
  readonly #counts = new Map<string, number>();

  constructor(options: CloudOptions = {}) {
    this.options = options;
  }

  /** The account of a provider that assumes no role. */
  get account(): string {
    return this.options.account ?? "999999999999";
  }

  /** Returns up to 40 hexadecimal digits, which differ at each call but are the same in each test run. */
  hex(digits: number, salt: string): string {
    this.#hexCalls += 1;
    return createHash("sha1").update(`${salt} ${this.#hexCalls}`).digest("hex").slice(0, digits);
  }

  /** Returns the next revision number of a key: 1, 2, 3, … */
  next(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }

  /** Stores a resource. Replaces a resource with the same type, id, account and region. */
  store(resource: CloudResource): void {
    this.resources.set(keyOf(resource), resource);
  }

  /** Returns the resource; undefined if it does not exist. */
  get(location: Pick<CloudResource, "type" | "id" | "account" | "region">): CloudResource | undefined {
    return this.resources.get(keyOf(location));
  }

  /** Removes a resource. Returns false if it did not exist. */
  remove(location: Pick<CloudResource, "type" | "id" | "account" | "region">): boolean {
    return this.resources.delete(keyOf(location));
  }

  /** Returns all resources of a type, in every account. */
  ofType(type: string): CloudResource[] {
    return [...this.resources.values()].filter((resource) => resource.type === type);
  }
}

function keyOf({ type, id, account, region }: Pick<CloudResource, "type" | "id" | "account" | "region">): string {
  return JSON.stringify([type, account, region, id]);
}
