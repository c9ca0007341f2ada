import type { Case, Need } from "./evaluate.ts";
import type { Part } from "./tables/part.ts";

/**
 * Requests of a part under its role: those of its table, and each allowed one on resources outside its stack and
 * region.
 */
export function casesOf(part: Part, prefix: string): Case[] {
  const principal = `${prefix}${part.role}`;
  const listed = (groups: Readonly<Record<string, readonly Need[]>>, allowed: boolean): Case[] =>
    Object.entries(groups).flatMap(([what, needs]) =>
      needs.map((need) => ({ ...need, what: `${part.role}: ${what}`, principal, allowed })),
    );
  const allowed = [...listed(part.calls, true), ...listed(part.services, true)];
  const denied = [
    ...listed(part.never, false),
    ...Object.entries(part.denied).map(([what, need]) => ({
      ...need,
      what: `${part.role}: ${what}`,
      principal,
      allowed: false,
    })),
  ];
  // The role's own policies must deny these without the boundary, which is a second layer.
  const others = allowed.flatMap((one) => outsideStack(one, prefix));
  return [...allowed, ...[...denied, ...others].map((one) => ({ ...one, unbounded: true }))];
}

/** The same request on another stack's resource, and in another region, which no role may make. */
export function outsideStack(one: Case, prefix: string): Case[] {
  if (one.resource === "*" || one.anywhere) return [];
  const others = {
    "of another stack": one.resource.replaceAll(prefix, "rates-another-"),
    "in another region": one.resource.replace(/^(arn:aws:[^:]+:)[a-z0-9-]+:/, "$1ap-southeast-2:"),
  };
  return Object.entries(others)
    .filter(([, resource]) => resource !== one.resource)
    .map(([where, resource]) => ({ ...one, what: `${one.what}, ${where}`, resource, allowed: false }));
}

/** Requests by which AWS's services, and others, try to assume a part's role. */
export const trustCases = (part: Part, prefix: string, arn: string, account: string): Case[] =>
  [
    { principal: part.service, allowed: true },
    { principal: "sagemaker.amazonaws.com", allowed: false },
    { principal: `arn:aws:iam::${account}:role/anyone`, allowed: false },
  ].map(({ principal, allowed }) => ({
    what: `${principal} assumes ${prefix}${part.role}`,
    principal,
    action: "sts:AssumeRole",
    resource: arn,
    allowed,
  }));
