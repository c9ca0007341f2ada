import type { CreateContext, Naming, ResourceType } from "../types.ts";
import { asText } from "../values.ts";

// Names, ids, ARNs and limits are those of each service's API reference; which inputs replace a resource is what
// Terraform's AWS provider 6 documents as "Forces new resource".

/** An ARN in the account and region that ends in a path and the name. */
export const arn =
  (service: string, path = "") =>
  ({ region, account, name }: CreateContext): string =>
    `arn:aws:${service}:${region}:${account}:${path}${name}`;
/** The same for services without regions. */
export const globalArn =
  (service: string, path: string) =>
  ({ account, name }: CreateContext): string =>
    `arn:aws:${service}::${account}:${path}${name}`;
/** The name itself, as an id. */
export const name = ({ name }: CreateContext): string => name;
/** An id in EC2's form: a prefix and hexadecimal digits. */
export const id =
  (prefix: string) =>
  ({ hex }: CreateContext): string =>
    `${prefix}-${hex(17)}`;
/** An EC2-style resource: its id, and an ARN that ends in it. */
export const ec2 = (prefix: string, kind: string, more: ResourceType = {}): ResourceType => ({
  id: id(prefix),
  ...more,
  outputs: (made) => ({
    arn: `arn:aws:ec2:${made.region}:${made.account}:${kind}/${made.id}`,
    ...more.outputs?.(made),
  }),
});
/** Rules for the names of a type; see {@link Naming}. */
export const naming = (
  property: string,
  max: number,
  unique: Naming["unique"],
  taken: string,
  pattern?: RegExp,
  automatic = true,
): Naming => ({ property, max, unique, taken, automatic, ...(pattern ? { pattern } : {}) });
/** A part of another resource, with that resource's name as its id. */
export const partOf = (property: string, replace: readonly string[] = [property]): ResourceType => ({
  id: ({ inputs, hex }) => asText(inputs[property], hex(17)),
  replace,
});
/** Valid names in S3. */
export const dnsName = /^[a-z0-9][a-z0-9.-]*[a-z0-9]$/;
/** Valid names in IAM. */
export const word = /^[\w+=,.@-]+$/;

/** Hexadecimal digits in the form of a UUID. */
export function uuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}
