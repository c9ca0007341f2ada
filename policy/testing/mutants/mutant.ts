import * as types from "../../types.ts";
import type { EngineResource } from "../packClient.ts";

/** A change to the program's resources that a rule must report. */
export interface Mutant {
  /** Description of the change. */
  label: string;
  mutate(resources: EngineResource[]): void;
  /** Property that the change sets, if it sets only one. */
  target?: { type: string; suffix: string; path: string };
}

type Change = (resource: EngineResource, properties: Record<string, unknown>) => void;

/** Changes the inputs and outputs of the first resource of a type whose name has the suffix. */
export const change =
  (type: string, suffix: string, apply: Change) =>
  (resources: EngineResource[]): void => {
    const resource = resources.find((candidate) => candidate.type === type && candidate.name.endsWith(suffix));
    if (resource === undefined) throw new Error(`No ${type} whose name ends in '${suffix}'`);
    apply(resource, resource.props);
    if (resource.outputs) apply(resource, resource.outputs);
  };

/** Sets a property of the first resource of a type whose name has the suffix. */
export const set = (type: string, suffix: string, path: string, value: unknown): Pick<Mutant, "mutate" | "target"> => ({
  target: { type, suffix, path },
  mutate: change(type, suffix, (_, properties) => setPath(properties, path, value)),
});

function setPath(properties: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let parent = properties;
  for (const key of keys) {
    parent[key] ??= {};
    parent = parent[key] as Record<string, unknown>;
  }
  parent[last] = value;
}

/** Removes the first resource of a type whose name has the suffix. */
export const remove = (type: string, suffix: string) => (resources: EngineResource[]) => {
  const index = resources.findIndex((resource) => resource.type === type && resource.name.endsWith(suffix));
  if (index < 0) throw new Error(`No ${type} whose name ends in '${suffix}'`);
  resources.splice(index, 1);
};

/** Adds a resource named `mutant`. */
export const add =
  (type: string, props: Record<string, unknown>, links: Record<string, string[]> = {}) =>
  (resources: EngineResource[]) => {
    const sample = resources.find(({ provider }) => provider?.props.allowedAccountIds !== undefined);
    resources.push({ type, name: "mutant", props, links, ...(sample?.provider && { provider: sample.provider }) });
  };

/** Sets a property of the API's container. */
export const setInContainer = (path: string, value: unknown) =>
  change(types.TASK_DEFINITION, "-api", (_, properties) => {
    const containers = JSON.parse(String(properties.containerDefinitions));
    setPath(containers[0], path, value);
    properties.containerDefinitions = JSON.stringify(containers);
  });

/** Changes each statement of a resource's policy document. */
export const changeStatements = (type: string, suffix: string, apply: (statement: Record<string, unknown>) => void) =>
  change(type, suffix, (_, properties) => {
    const property = type === types.ROLE ? "assumeRolePolicy" : "policy";
    const document = JSON.parse(String(properties[property]));
    for (const statement of document.Statement) apply(statement);
    properties[property] = JSON.stringify(document);
  });
/** Replaces the actions and resources of a statement. */
export const withActions = (actions: string[], resources: string[]) => (statement: Record<string, unknown>) => {
  statement.Action = actions;
  statement.Resource = resources;
};

/** Sets allowedAccountIds (a JSON list) of every provider that has them. */
export const setAllowedAccounts = (accounts: string) => (resources: EngineResource[]) => {
  for (const resource of resources) {
    const { provider } = resource;
    if (provider?.props.allowedAccountIds !== undefined)
      resource.provider = { ...provider, props: { ...provider.props, allowedAccountIds: accounts } };
  }
};

/** Returns the properties of an ingress rule that opens a port to the internet. */
export const internetIngress = (port: number) => ({
  cidrIpv4: "0.0.0.0/0",
  fromPort: port,
  toPort: port,
  ipProtocol: "tcp",
});
const PUBLIC_STATEMENT = { Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: "*" };
/** Adds to a policy a statement that allows everyone to send messages. */
export const allowEveryone = (type: string, suffix: string) =>
  change(type, suffix, (_, properties) => {
    const document = JSON.parse(String(properties.policy));
    document.Statement.push(PUBLIC_STATEMENT);
    properties.policy = JSON.stringify(document);
  });
/** Sets a parameter in the database's parameter group. */
export const setParameter = (name: string, value: string) =>
  change(types.PARAMETER_GROUP, "-database", (_, properties) => {
    const parameters = properties.parameters as { name: string; value: string }[];
    const parameter = parameters.find((candidate) => candidate.name === name);
    if (parameter === undefined) throw new Error(`The database's parameter group has no ${name}`);
    parameter.value = value;
  });

/** Suffix of the request queue's name. */
export const REQUESTS = "-queues-requests";
