import { awsManagedKey } from "../awsPolicies.ts";
import type { Need } from "../evaluate.ts";
import { commandLineCalls, pythonCalls, typescriptCalls } from "../sourceCalls.ts";

/** A part of the platform with everything that it calls, and what it must not be able to call. */
export interface Part {
  /** Its role's name in the program without the stack's prefix. */
  readonly role: string;
  /** The service that assumes the role. */
  readonly service: string;
  /** Source of its calls. A test compares `calls` with it. */
  readonly source?: Source;
  /** Calls of its source (`s3 GetObject`), with the authorizations that AWS makes for each. */
  readonly calls: Readonly<Record<string, readonly Need[]>>;
  /** Calls that AWS or a shell script makes with the role, with the document that lists them. */
  readonly services: Readonly<Record<string, readonly Need[]>>;
  /** Calls in code that it shares with another part and never makes, with the reason: they must be denied. */
  readonly never: Readonly<Record<string, readonly Need[]>>;
  /** Further requests that must be denied. */
  readonly denied: Readonly<Record<string, Need>>;
}

/** Source of a component's calls: the entry file of a program, or a file of another language. */
export type Source = { readonly typescript: string } | { readonly python: string } | { readonly commandLine: string };

/** Lists the calls that a source makes. */
export async function callsOf(source: Source): Promise<string[]> {
  if ("typescript" in source) return typescriptCalls(source.typescript);
  return "python" in source ? pythonCalls(source.python) : commandLineCalls(source.commandLine);
}

/** One action on each of some resources. */
export const on = (action: string, ...resources: string[]): Need[] =>
  resources.map((resource) => ({ action, resource }));

/** Several actions on one resource. */
export const all = (resource: string, ...actions: string[]): Need[] => actions.map((action) => ({ action, resource }));

/** Use of the key that AWS manages for a service in the account, with the rights of the service's caller. */
export const throughService = (service: string, { account, region, arnOf }: Place, ...actions: string[]): Need[] => {
  const viaService = `${service}.${region}.amazonaws.com`;
  return actions.map((action) => ({
    action: `kms:${action}`,
    resource: arnOf("kms", "key/22222222-2222-4333-8444-555555555555"),
    context: { "kms:ViaService": viaService, "kms:CallerAccount": account },
    resourcePolicy: awsManagedKey(account, viaService),
    anywhere: true,
  }));
};

/** Account and region of a resource, and the ARNs of others there. */
export interface Place {
  readonly account: string;
  readonly region: string;
  readonly arnOf: (service: string, path: string) => string;
}
