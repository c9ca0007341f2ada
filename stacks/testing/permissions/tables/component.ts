import { awsManagedKey } from "../awsPolicies.ts";
import type { Authorization } from "../evaluate.ts";
import { commandLineCalls, pythonCalls, typescriptCalls } from "../sourceCalls.ts";

/** A component of the platform with all its calls, and the requests that it must not be able to make. */
export interface Component {
  /** Name of its role in the program, without the stack's prefix. */
  readonly role: string;
  /** The service that assumes the role. */
  readonly service: string;
  /** Source of its calls, with which a test compares `calls`. */
  readonly source?: Source;
  /** Authorizations of each call of its source (`s3 GetObject`). */
  readonly calls: Readonly<Record<string, readonly Authorization[]>>;
  /** Authorizations of calls that AWS or a shell script makes with the role. */
  readonly services: Readonly<Record<string, readonly Authorization[]>>;
  /** Calls in code that it shares with another component and that it never makes. They must be denied. */
  readonly uncalled: Readonly<Record<string, readonly Authorization[]>>;
  /** Further requests that must be denied. */
  readonly denied: Readonly<Record<string, Authorization>>;
}

/** Source of a component's calls: the entry file of a program, or a file of another language. */
export type Source = { readonly typescript: string } | { readonly python: string } | { readonly commandLine: string };

/** Lists the calls that a source makes. */
export async function callsOf(source: Source): Promise<string[]> {
  if ("typescript" in source) return typescriptCalls(source.typescript);
  return "python" in source ? pythonCalls(source.python) : commandLineCalls(source.commandLine);
}

/** Returns the authorizations for one action on several resources. */
export const on = (action: string, ...resources: string[]): Authorization[] =>
  resources.map((resource) => ({ action, resource }));

/** Returns the authorizations for several actions on one resource. */
export const actionsOn = (resource: string, ...actions: string[]): Authorization[] =>
  actions.map((action) => ({ action, resource }));

/** Returns authorizations to use a service's AWS managed key through the service, as its callers need them. */
export const throughService = (
  service: string,
  { account, region, arnOf }: Location,
  ...actions: string[]
): Authorization[] => {
  const viaService = `${service}.${region}.amazonaws.com`;
  return actions.map((action) => ({
    action: `kms:${action}`,
    resource: arnOf("kms", "key/22222222-2222-4333-8444-555555555555"),
    context: { "kms:ViaService": viaService, "kms:CallerAccount": account },
    resourcePolicy: awsManagedKey(account, viaService),
    isUnrestricted: true,
  }));
};

/** An account and a region, with a function for ARNs there. */
export interface Location {
  readonly account: string;
  readonly region: string;
  readonly arnOf: (service: string, path: string) => string;
}
