import * as types from "../../types.ts";
import type { EngineResource } from "../packClient.ts";

/** A change to the program's resources that a rule must report. */
export interface Mutant {
  /** Description of the change. */
  label: string;
  mutate(resources: EngineResource[]): void;
  /** Property that is set, if the change sets a single one. */
  at?: { type: string; suffix: string; path: string };
}

type Change = (one: EngineResource, properties: Record<string, unknown>) => void;

/** Changes the inputs and outputs of the first resource of a type whose name has the suffix. */
export const change =
  (type: string, suffix: string, apply: Change) =>
  (resources: EngineResource[]): void => {
    const one = resources.find((resource) => resource.type === type && resource.name.endsWith(suffix));
    if (one === undefined) throw new Error(`No ${type} whose name ends in '${suffix}'`);
    apply(one, one.props);
    if (one.outputs) apply(one, one.outputs);
  };

export const set = (type: string, suffix: string, path: string, value: unknown): Pick<Mutant, "mutate" | "at"> => ({
  at: { type, suffix, path },
  mutate: change(type, suffix, (_, properties) => setPath(properties, path, value)),
});

function setPath(properties: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = properties;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  at[last] = value;
}

/** Removes the first resource of a type whose name has the suffix. */
export const remove = (type: string, suffix: string) => (resources: EngineResource[]) => {
  const at = resources.findIndex((resource) => resource.type === type && resource.name.endsWith(suffix));
  if (at < 0) throw new Error(`No ${type} whose name ends in '${suffix}'`);
  resources.splice(at, 1);
};

export const add =
  (type: string, props: Record<string, unknown>, links: Record<string, string[]> = {}) =>
  (resources: EngineResource[]) => {
    const sample = resources.find(({ provider }) => provider?.props.allowedAccountIds !== undefined);
    resources.push({ type, name: "mutant", props, links, ...(sample?.provider && { provider: sample.provider }) });
  };

export const container = (path: string, value: unknown) =>
  change(types.TASK_DEFINITION, "-api", (_, properties) => {
    const all = JSON.parse(String(properties.containerDefinitions));
    setPath(all[0], path, value);
    properties.containerDefinitions = JSON.stringify(all);
  });

export const statement = (type: string, suffix: string, apply: (one: Record<string, unknown>) => void) =>
  change(type, suffix, (_, properties) => {
    const property = type === types.ROLE ? "assumeRolePolicy" : "policy";
    const document = JSON.parse(String(properties[property]));
    for (const one of document.Statement) apply(one);
    properties[property] = JSON.stringify(document);
  });
export const allowing = (actions: string[], resources: string[]) => (one: Record<string, unknown>) => {
  one.Action = actions;
  one.Resource = resources;
};

export const provider = (accounts: string) => (resources: EngineResource[]) => {
  for (const one of resources)
    if (one.provider?.props.allowedAccountIds !== undefined)
      one.provider = { ...one.provider, props: { ...one.provider.props, allowedAccountIds: accounts } };
};

export const internetIngress = (port: number) => ({
  cidrIpv4: "0.0.0.0/0",
  fromPort: port,
  toPort: port,
  ipProtocol: "tcp",
});
const PUBLIC_STATEMENT = { Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: "*" };
export const openPolicy = (type: string, suffix: string) =>
  change(type, suffix, (_, properties) => {
    const document = JSON.parse(String(properties.policy));
    document.Statement.push(PUBLIC_STATEMENT);
    properties.policy = JSON.stringify(document);
  });
export const parameter = (name: string, value: string) =>
  change(types.PARAMETER_GROUP, "-database", (_, properties) => {
    for (const one of properties.parameters as { name: string; value: string }[])
      if (one.name === name) one.value = value;
  });

/** Suffix of the request queue's name. */
export const REQUESTS = "-queues-requests";
