import type { CreateContext, Naming, ResourceType } from "../types.ts";
import { asText } from "../values.ts";

// Names, ids, ARNs and limits are from each service's API reference. Inputs that replace a resource are those that
// Terraform's AWS provider 6 documents as "Forces new resource".

/** Returns a function for ARNs in the account and region, which end in a path and the name. */
export const arn =
  (service: string, path = "") =>
  ({ region, account, name }: CreateContext): string =>
    `arn:aws:${service}:${region}:${account}:${path}${name}`;
/** Returns a function for ARNs of services without regions, which end in a path and the name. */
export const globalArn =
  (service: string, path: string) =>
  ({ account, name }: CreateContext): string =>
    `arn:aws:${service}::${account}:${path}${name}`;
/** Returns the name itself as an id. */
export const name = ({ name }: CreateContext): string => name;
/** Returns a function for ids in EC2's form: a prefix and hexadecimal digits. */
export const id =
  (prefix: string) =>
  ({ hex }: CreateContext): string =>
    `${prefix}-${hex(17)}`;
/** Defines a type of EC2: its id in EC2's form, and an ARN that ends in the id. */
export const ec2 = (prefix: string, kind: string, definition: ResourceType = {}): ResourceType => ({
  id: id(prefix),
  ...definition,
  outputs: (context) => ({
    arn: `arn:aws:ec2:${context.region}:${context.account}:${kind}/${context.id}`,
    ...definition.outputs?.(context),
  }),
});
/** Rules for the names of a type; see {@link Naming}. */
export const naming = (
  property: string,
  max: number,
  unique: Naming["unique"],
  takenError: string,
  pattern?: RegExp,
  automatic = true,
): Naming => ({ property, max, unique, takenError, automatic, ...(pattern ? { pattern } : {}) });
/** Defines a type that belongs to another resource and has that resource's name as its id. */
export const partOf = (property: string, replace: readonly string[] = [property]): ResourceType => ({
  id: ({ inputs, hex }) => asText(inputs[property], hex(17)),
  replace,
});
/** Valid names in S3. */
export const bucketName = /^[a-z0-9][a-z0-9.-]*[a-z0-9]$/;
/** Valid names in IAM. */
export const iamName = /^[\w+=,.@-]+$/;

/** Formats hexadecimal digits as a UUID. */
export function uuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}
