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

/** Options of a test's cloud. */
export interface CloudOptions {
  /** The account whose credentials a provider has that assumes no role. */
  readonly account?: string;
  /**
   * True to refuse a provider in an account that its `allowedAccountIds` does not name, as AWS's does (the default).
   * False shows the program's own check.
   */
  readonly enforceAllowedAccounts?: boolean;
  /** The answer of a function that `aws.lambda.Invocation` calls; throwing fails the call. Default: null. */
  readonly lambda?: (functionName: string, input: string) => unknown;
  /** Answers in place of the stand-in's own, by token (`aws:index/getRegion:getRegion`). */
  readonly answers?: Readonly<Record<string, (args: Properties) => Properties>>;
  /** Called before each change that is made for real; throwing refuses it, as a quota or a lack of capacity does. */
  readonly refuse?: (operation: "create" | "update" | "delete", type: string, properties: Properties) => void;
}

/**
 * A make-believe cloud: everything that stand-in providers have created, in every account, with the names that are
 * taken. It outlives an engine, so that several stacks can share an account. `standing` may be changed by a test, which
 * is then what drift is.
 */
export class Cloud {
  readonly options: CloudOptions;
  readonly resources = new Map<string, CloudResource>();
  #made = 0;
  readonly #counts = new Map<string, number>();

  constructor(options: CloudOptions = {}) {
    this.options = options;
  }

  /** The account of a provider that assumes no role. */
  get account(): string {
    return this.options.account ?? "999999999999";
  }

  /** As many hexadecimal digits as wanted (40 at most), different at each call, the same in each run. */
  hex(digits: number, salt: string): string {
    this.#made += 1;
    return createHash("sha1").update(`${salt} ${this.#made}`).digest("hex").slice(0, digits);
  }

  /** 1, 2, 3, … for the same key: revisions. */
  next(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }

  /** Puts a resource there, in place of the one with the same type, id, account and region. */
  store(resource: CloudResource): void {
    this.resources.set(keyOf(resource), resource);
  }

  /** The resource, if it is there. */
  get(where: Pick<CloudResource, "type" | "id" | "account" | "region">): CloudResource | undefined {
    return this.resources.get(keyOf(where));
  }

  /** Takes it away; false where it was not there. */
  remove(where: Pick<CloudResource, "type" | "id" | "account" | "region">): boolean {
    return this.resources.delete(keyOf(where));
  }

  /** All resources of a type, in every account. */
  ofType(type: string): CloudResource[] {
    return [...this.resources.values()].filter((resource) => resource.type === type);
  }
}

function keyOf({ type, id, account, region }: Pick<CloudResource, "type" | "id" | "account" | "region">): string {
  return JSON.stringify([type, account, region, id]);
}
