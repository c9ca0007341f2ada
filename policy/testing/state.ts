import type { EngineResource } from "./packClient.ts";

/** One resource of an exported state (`pulumi stack export`). */
interface StoredResource {
  urn: string;
  type: string;
  custom?: boolean;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  provider?: string;
  propertyDependencies?: Record<string, string[] | null>;
}

/** Returns the resources of a state as the engine passes them to a pack after an update. */
export function resourcesOf(state: unknown): EngineResource[] {
  const resources = (state as { deployment: { resources: StoredResource[] } }).deployment.resources;
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  return resources.map(({ type, urn, inputs = {}, outputs = {}, provider: reference = "", ...resource }) => {
    const provider = byUrn.get(reference.replace(/::[^:]*$/, ""));
    const dependencies = Object.entries(resource.propertyDependencies ?? {});
    return {
      type,
      name: nameOf(urn),
      urn,
      props: plainProperties(inputs),
      outputs: plainProperties(outputs),
      links: Object.fromEntries(dependencies.map(([key, urns]) => [key, urns ?? []])),
      ...(provider && { provider: { urn: provider.urn, name: nameOf(provider.urn), props: provider.inputs ?? {} } }),
    };
  });
}

const nameOf = (urn: string): string => urn.split("::").at(-1) ?? "";

/** Mark of a reference to a resource, which the engine passes as the resource's id, or its URN if it has no id. */
const REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Removes the provider's internal properties and file contents, which no rule reads, and resolves references. */
function plainProperties(properties: Record<string, unknown>): Record<string, unknown> {
  const { __defaults, code, content, source, ...settable } = properties;
  return JSON.parse(JSON.stringify(settable), (_, value) =>
    value?.[SIGNATURE] === REFERENCE ? value.id || value.urn : value,
  );
}
