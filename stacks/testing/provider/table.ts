import { createHash } from "node:crypto";
import type { Cloud, CloudResource } from "./cloud.ts";
import { declarationOf } from "./declared.ts";
import type { Difference, Refusal, Resource, Session, Stored } from "./session.ts";
import type { CreateContext, ResourceType } from "./types.ts";
import { asList, asText, canonical, hasUnknown, type Properties, UNKNOWN, type Value } from "./values.ts";

/** Cloud, account, region and types of a session. */
export interface TableContext {
  readonly cloud: Cloud;
  readonly account: string;
  readonly region: string;
  /** Tags that the provider adds to every resource. */
  readonly defaultTags: Properties;
  /** Returns the definition of a type; undefined if there is none. */
  typeOf(token: string): ResourceType | undefined;
}

/** Input in which a provider records the inputs that it generated. */
const DEFAULTS = "__defaults";

/** Creates the methods of a session that create, change and delete resources, from definitions of their types. */
export function tableSession(context: TableContext): Omit<Session, "invoke" | "construct"> {
  return {
    check: (resource, news, olds, seed) => check(context, resource, news, olds, seed),
    diff: (resource, news, olds) => diff(context, resource, news, olds),
    create: (resource, inputs, preview) => create(context, resource, inputs, preview),
    read: (resource, id, inputs) => {
      const outputs = context.cloud.get({ ...locationOf(context, resource), id })?.properties;
      if (outputs === undefined) return undefined;
      const current = Object.entries(inputs).map(([key, value]): [string, Value] => [key, outputs[key] ?? value]);
      return { id, outputs, inputs: Object.fromEntries(current) };
    },
    update: (resource, id, inputs, outputs, preview) => update(context, resource, id, inputs, outputs, preview),
    remove: (resource, id, outputs) => remove(context, resource, id, outputs),
  };
}

function check(
  context: TableContext,
  resource: Resource,
  news: Properties,
  olds: Properties,
  seed: Uint8Array,
): { inputs: Properties; refusals: Refusal[] } {
  const naming = context.typeOf(resource.type)?.naming;
  const { inputs: accepted } = declarationOf(resource.type);
  const refusals: Refusal[] = Object.keys(news)
    .filter((key) => key !== DEFAULTS && !accepted.includes(key))
    .map((property) => ({ property, reason: `${property} is not an input of ${resource.type}` }));

  const inputs: Properties = { ...news, [DEFAULTS]: [] };
  if (naming === undefined) return { inputs, refusals };
  const { property, max, pattern } = naming;
  if (naming.automatic && inputs[property] === undefined && inputs[`${property}Prefix`] === undefined) {
    const previousName = asList(olds[DEFAULTS]).includes(property) ? olds[property] : undefined;
    inputs[property] = previousName ?? automaticName(resource.name, seed);
    inputs[DEFAULTS] = [property];
  }
  const name = inputs[property];
  if (typeof name === "string" && name !== UNKNOWN) {
    if (name.length > max) {
      const reason = `"${name}" has ${name.length} characters, but ${resource.type} allows at most ${max}`;
      refusals.push({ property, reason });
    } else if (pattern !== undefined && !pattern.test(name)) {
      refusals.push({
        property,
        reason: `"${name}" is not a valid name of ${resource.type}: it must match ${pattern}`,
      });
    }
  }
  return { inputs, refusals };
}

/** Returns the name in the program with seven hexadecimal digits, as the AWS provider generates it. */
function automaticName(name: string, seed: Uint8Array): string {
  return `${name}-${createHash("sha256").update(seed).digest("hex").slice(0, 7)}`;
}

function diff(context: TableContext, resource: Resource, news: Properties, olds: Properties): Difference {
  const type = context.typeOf(resource.type);
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
  keys.delete(DEFAULTS);
  const changed = [...keys].filter((key) => hasUnknown(news[key]) || canonical(news[key]) !== canonical(olds[key]));
  const replace = typeof type?.replace === "function" ? type.replace(news) : (type?.replace ?? []);
  const replacing = new Set([...replace, "region", ...(type?.naming ? [type.naming.property] : [])]);
  const replaces = changed.filter((key) => replacing.has(key));
  const name = type?.naming?.property;
  // A new resource cannot exist next to the old one under the same name.
  const deleteFirst =
    name !== undefined &&
    news[name] !== undefined &&
    !asList(news[DEFAULTS]).includes(name) &&
    canonical(news[name]) === canonical(olds[name]);
  return { changed, replaces, deleteFirst: replaces.length > 0 && deleteFirst };
}

function create(context: TableContext, resource: Resource, inputs: Properties, preview: boolean): Stored {
  const type = context.typeOf(resource.type) ?? {};
  if (preview)
    return { id: "", outputs: { ...unknownOutputs(resource.type, type), ...knownOutputs(context, resource, inputs) } };

  const { cloud } = context;
  const location = locationOf(context, resource);
  cloud.options.refuse?.("create", resource.type, inputs);
  const name = cloudName(type, inputs, cloud, resource);
  if (name !== undefined) refuseTaken(context, resource, type, name);
  const created = createContext(context, resource, inputs, name ?? resource.name);
  const id = type.id?.(created) ?? created.hex(17);
  const arn = type.arn?.(created) ?? "";
  const chosen = Object.fromEntries((type.chosen ?? []).map((key): [string, Value] => [key, created.hex(12)]));
  const outputs: Properties = {
    ...chosen,
    ...knownOutputs(context, resource, inputs),
    ...(type.naming && name !== undefined ? { [type.naming.property]: name } : {}),
    ...(arn === "" ? {} : { arn }),
    ...type.outputs?.({ ...created, id, arn }),
  };
  cloud.store({ ...location, id, urn: resource.urn, name, properties: outputs });
  return { id, outputs };
}

function createContext(context: TableContext, resource: Resource, inputs: Properties, name: string): CreateContext {
  const { cloud } = context;
  return { ...locationOf(context, resource), name, inputs, cloud, hex: (digits) => cloud.hex(digits, resource.urn) };
}

/** Returns the outputs that are known only after the resource is created, as unknown values. */
function unknownOutputs(token: string, type: ResourceType): Properties {
  const { outputs, chosen } = declarationOf(token);
  const keys = [...outputs.filter((key) => key !== "tagsAll"), ...chosen, ...(type.chosen ?? [])];
  return Object.fromEntries(keys.map((key) => [key, UNKNOWN]));
}

/** Returns the outputs that follow from the inputs alone. */
function knownOutputs(context: TableContext, { type }: Resource, inputs: Properties): Properties {
  const { [DEFAULTS]: _defaults, ...given } = inputs;
  const declaredNames = new Set([...declarationOf(type).inputs, ...declarationOf(type).outputs]);
  const region = declaredNames.has("region") ? { region: context.region } : {};
  const outputs: Properties = { ...region, ...context.typeOf(type)?.defaults, ...given };
  if (!declaredNames.has("tagsAll")) return outputs;
  if (typeof inputs.tags === "object" || Object.keys(context.defaultTags).length > 0) {
    outputs.tagsAll = { ...context.defaultTags, ...(inputs.tags as Properties | undefined) };
  }
  return outputs;
}

function cloudName(type: ResourceType, inputs: Properties, cloud: Cloud, resource: Resource): string | undefined {
  if (type.naming === undefined) return undefined;
  const name = asText(inputs[type.naming.property]);
  if (name !== "") return name;
  const prefix = asText(inputs[`${type.naming.property}Prefix`]);
  return prefix === "" ? undefined : `${prefix}${cloud.hex(26, resource.urn)}`;
}

function refuseTaken(context: TableContext, resource: Resource, { naming }: ResourceType, name: string): void {
  if (naming === undefined || naming.unique === "nowhere") return;
  const { account, region } = locationOf(context, resource);
  const other = context.cloud
    .ofType(resource.type)
    .find(
      (existing) =>
        existing.name === name &&
        (naming.unique === "world" || existing.account === account) &&
        (naming.unique !== "region" || existing.region === region),
    );
  if (other !== undefined) {
    throw new Error(`${naming.takenError}: ${resource.type} "${name}" already exists in account ${other.account}`);
  }
}

function update(
  context: TableContext,
  resource: Resource,
  id: string,
  inputs: Properties,
  outputs: Properties,
  preview: boolean,
): Properties {
  const type = context.typeOf(resource.type) ?? {};
  const providerOutputs = declarationOf(resource.type).outputs;
  const keptKeys = [...providerOutputs, ...(type.chosen ?? []), ...(type.naming ? [type.naming.property] : [])];
  const next: Properties = {
    ...Object.fromEntries(keptKeys.filter((key) => key in outputs).map((key) => [key, outputs[key] as Value])),
    ...knownOutputs(context, resource, inputs),
  };
  for (const key of type.changing ?? []) {
    const changed = changedValue(next[key], context.cloud.hex(32, resource.urn));
    if (changed !== undefined) next[key] = preview ? UNKNOWN : changed;
  }
  if (preview) return next;
  context.cloud.options.refuse?.("update", resource.type, inputs);
  const location = { ...locationOf(context, resource), id };
  const existing = context.cloud.get(location);
  if (existing === undefined) throw new Error(`NotFound: ${resource.type} ${id} is not in account ${location.account}`);
  const created = createContext(context, resource, inputs, existing.name ?? resource.name);
  Object.assign(next, type.updateOutputs?.({ ...created, id }));
  context.cloud.store({ ...existing, properties: next });
  return next;
}

/** Returns the next version, an ARN with the next version, or another digest; undefined for other values. */
function changedValue(value: Value | undefined, digest: string): Value | undefined {
  if (typeof value === "number") return value + 1;
  if (typeof value !== "string") return undefined;
  if (/^[0-9a-f]{32}$/.test(value)) return digest;
  return /(^|:)\d+$/.test(value) ? value.replace(/\d+$/, (version) => String(Number(version) + 1)) : undefined;
}

function remove(context: TableContext, resource: Resource, id: string, outputs: Properties): void {
  const type = context.typeOf(resource.type);
  for (const { property, is, unless, error } of type?.guards ?? []) {
    const isLifted = unless !== undefined && outputs[unless] === true;
    if (!isLifted && canonical(outputs[property]) === canonical(is)) throw new Error(`${error} (${id})`);
  }
  context.cloud.options.refuse?.("delete", resource.type, outputs);
  const location = { ...locationOf(context, resource), id };
  const name = context.cloud.get(location)?.name ?? resource.name;
  type?.onDelete?.({ ...createContext(context, resource, outputs, name), id });
  // A replacement may already exist under the same id.
  if (context.cloud.get(location)?.properties.arn === outputs.arn) context.cloud.remove(location);
}

function locationOf(
  { account, region }: TableContext,
  resource: Resource,
): Pick<CloudResource, "type" | "account" | "region"> {
  return { type: resource.type, account, region };
}
