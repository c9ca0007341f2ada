import { randomUUID } from "node:crypto";
import { AwsError } from "./errors.ts";

// Translates SQS's query protocol, which older SDKs use (boto3 before 1.28, for example), to and from the JSON protocol:
// requests are forms, responses are XML (SQS API Reference).

/** A value of a request in the shapes of the JSON protocol. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

const MAX_PARAMETERS = 1_000;
const NUMBERS = new Set(["DelaySeconds", "MaxNumberOfMessages", "MaxResults", "VisibilityTimeout", "WaitTimeSeconds"]);
/** Flattened lists of strings: name in the form and in JSON. */
const LISTS: Record<string, string> = {
  AttributeName: "AttributeNames",
  MessageAttributeName: "MessageAttributeNames",
  MessageSystemAttributeName: "MessageSystemAttributeNames",
  TagKey: "TagKeys",
};
/** Flattened maps by their name in the form: name in JSON, and name of an entry's key. The value is named `Value`. */
const MAPS: Record<string, { json: string; key: string }> = {
  Attribute: { json: "Attributes", key: "Name" },
  MessageAttribute: { json: "MessageAttributes", key: "Name" },
  Tag: { json: "Tags", key: "Key" },
};

type Tree = Map<string, Tree | string>;

/**
 * Reads a form.
 * @returns Its action, and its parameters in the shapes of the JSON protocol.
 */
export function parseForm(text: string): { action: string; input: { [name: string]: Json } } {
  const parameters = [...new URLSearchParams(text)];
  if (parameters.length > MAX_PARAMETERS)
    throw new AwsError("MalformedQueryString", `A request may have at most ${MAX_PARAMETERS} parameters.`);
  const tree: Tree = new Map();
  for (const [name, value] of parameters) setAt(tree, name, value);
  const action = tree.get("Action");
  if (typeof action !== "string" || action === "")
    throw new AwsError("MissingAction", "The request must contain the parameter Action.");
  for (const name of ["Action", "Version", "AUTHPARAMS"]) tree.delete(name);
  return { action, input: structure(tree) };
}

function setAt(tree: Tree, name: string, value: string): void {
  const path = name.split(".");
  const last = path.pop() ?? "";
  let node = tree;
  for (const segment of path) {
    const next = node.get(segment);
    if (typeof next === "string") throw new AwsError("MalformedQueryString", `${name} is both a value and a list.`);
    if (next === undefined) node.set(segment, new Map());
    node = (next ?? node.get(segment)) as Tree;
  }
  if (node.has(last)) throw new AwsError("MalformedQueryString", `${name} is given twice.`);
  node.set(last, value);
}

function structure(tree: Tree): { [name: string]: Json } {
  const result: [string, Json][] = [];
  for (const [name, value] of tree) {
    const map = MAPS[name];
    if (typeof value === "string") result.push([name, NUMBERS.has(name) ? number(name, value) : value]);
    else if (LISTS[name] !== undefined) result.push([LISTS[name], items(value).map(leaf)]);
    else if (map !== undefined) result.push([map.json, pairs(value, map.key)]);
    else if (/RequestEntry$/.test(name))
      result.push(["Entries", items(value).map((entry) => structure(branch(entry)))]);
    else result.push([name, structure(value)]);
  }
  return Object.fromEntries(result);
}

const pairs = (tree: Tree, key: string): Json =>
  Object.fromEntries(
    items(tree).map((item): [string, Json] => {
      const value = branch(item).get("Value") ?? "";
      return [leaf(branch(item).get(key) ?? ""), typeof value === "string" ? value : structure(value)];
    }),
  );

/** The elements of a flattened list, in the order of their numbers. */
const items = (tree: Tree) => [...tree].sort(([a], [b]) => Number(a) - Number(b)).map(([, item]) => item);
const branch = (item: Tree | string): Tree => (typeof item === "string" ? new Map() : item);
const leaf = (item: Tree | string): string => (typeof item === "string" ? item : "");

function number(name: string, value: string): number {
  if (!/^-?\d{1,9}$/.test(value)) throw new AwsError("InvalidParameterValue", `${name} must be a whole number.`);
  return Number(value);
}

/** Name of the XML element of each item, by the name of the list in a result. */
const ELEMENTS: Record<string, string> = { ...invert(LISTS), Messages: "Message", QueueUrls: "QueueUrl" };
/** Names of the XML elements of each entry, by the name of the map in a result. */
const ENTRIES: Record<string, { element: string; key: string }> = Object.fromEntries(
  Object.entries(MAPS).map(([element, { json, key }]) => [json, { element, key }]),
);

/** Writes the result of an action as XML. */
export function resultXml(action: string, result: Json): string {
  const body = typeof result === "object" && result !== null && !Array.isArray(result) ? fields(action, result) : "";
  const name = `${action}Result`;
  return envelope(`${action}Response`, `<${name}>${body}</${name}><ResponseMetadata>${requestId()}</ResponseMetadata>`);
}

/** Writes an error as XML. */
export function errorXml(code: string, message: string, status: number): string {
  const fault = status < 500 ? "Sender" : "Receiver";
  const inner = element("Type", fault) + element("Code", code) + element("Message", message) + element("Detail", "");
  return envelope("ErrorResponse", `<Error>${inner}</Error>${requestId()}`);
}

function fields(action: string, object: { [name: string]: Json }): string {
  return Object.entries(object)
    .map(([name, value]) => {
      const map = ENTRIES[name];
      if (Array.isArray(value)) {
        const itemElement =
          { Successful: `${action}ResultEntry`, Failed: "BatchResultErrorEntry" }[name] ?? ELEMENTS[name] ?? name;
        return value.map((item) => field(action, itemElement, item)).join("");
      }
      if (map === undefined || typeof value !== "object" || value === null) return field(action, name, value);
      return Object.entries(value)
        .map(
          ([key, item]) => `<${map.element}>${element(map.key, key)}${field(action, "Value", item)}</${map.element}>`,
        )
        .join("");
    })
    .join("");
}

function field(action: string, name: string, value: Json): string {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return `<${name}>${fields(action, value)}</${name}>`;
  return element(name, String(value ?? ""));
}

const element = (name: string, text: string) => `<${name}>${escapeXml(text)}</${name}>`;
const requestId = () => element("RequestId", randomUUID());
const envelope = (name: string, inner: string) =>
  `<?xml version="1.0"?><${name} xmlns="http://queue.amazonaws.com/doc/2012-11-05/">${inner}</${name}>`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;" };
const escapeXml = (text: string) => text.replace(/[&<>"\r]/g, (character) => ENTITIES[character] ?? character);

function invert(names: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([key, value]) => [value, key]));
}
