import type { Authorization, Case } from "./evaluate.ts";
import type { Component } from "./tables/component.ts";

/**
 * Returns the requests of a component under its role: those of its table, and each allowed request on another stack's
 * resources and in another region. The latter must be denied.
 */
export function casesOf(component: Component, prefix: string): Case[] {
  const principal = `${prefix}${component.role}`;
  const listed = (groups: Readonly<Record<string, readonly Authorization[]>>, allowed: boolean): Case[] =>
    Object.entries(groups).flatMap(([title, authorizations]) =>
      authorizations.map((authorization) => ({
        ...authorization,
        title: `${component.role}: ${title}`,
        principal,
        allowed,
      })),
    );
  const allowed = [...listed(component.calls, true), ...listed(component.services, true)];
  const denied = [
    ...listed(component.uncalled, false),
    ...Object.entries(component.denied).map(([title, authorization]) => ({
      ...authorization,
      title: `${component.role}: ${title}`,
      principal,
      allowed: false,
    })),
  ];
  const others = allowed.flatMap((testCase) => outsideStack(testCase, prefix));
  // The role's policies alone must refuse all denied requests; the boundary is a second layer.
  return [...allowed, ...[...denied, ...others].map((testCase) => ({ ...testCase, withoutBoundary: true }))];
}

/** Returns the same request on another stack's resource and in another region, which no role may make. */
export function outsideStack(testCase: Case, prefix: string): Case[] {
  if (testCase.resource === "*" || testCase.isUnrestricted) return [];
  const others = {
    "of another stack": testCase.resource.replaceAll(prefix, "rates-another-"),
    "in another region": testCase.resource.replace(/^(arn:aws:[^:]+:)[a-z0-9-]+:/, "$1ap-southeast-2:"),
  };
  return Object.entries(others)
    .filter(([, resource]) => resource !== testCase.resource)
    .map(([where, resource]) => ({ ...testCase, title: `${testCase.title}, ${where}`, resource, allowed: false }));
}

/** Returns requests with which AWS services and other principals try to assume a component's role. */
export const trustCases = (component: Component, prefix: string, arn: string, account: string): Case[] =>
  [
    { principal: component.service, allowed: true },
    { principal: "sagemaker.amazonaws.com", allowed: false },
    { principal: `arn:aws:iam::${account}:role/anyone`, allowed: false },
  ].map(({ principal, allowed }) => ({
    title: `${principal} assumes ${prefix}${component.role}`,
    principal,
    action: "sts:AssumeRole",
    resource: arn,
    allowed,
  }));
