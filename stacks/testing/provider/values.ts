/** A property as engine and provider exchange it. Assets, archives and resource references are marked objects. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

/** The properties of one resource, provider or call. */
export type Properties = { [key: string]: Value };

/** Encoding of a value that is unknown in a preview. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Key that marks an object as an asset, an archive or a resource reference, and its value for a resource reference. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e";

/** Returns true if the value is unknown or contains an unknown value. */
export function hasUnknown(value: Value | undefined): boolean {
  if (value === UNKNOWN) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasUnknown);
}

/** Returns a reference to a registered resource, the form in which a component returns its children. */
export function resourceReference(urn: string, id: string): Value {
  return { [SIGNATURE]: RESOURCE, urn, id: id === "" ? UNKNOWN : id, packageVersion: "" };
}

/**
 * Returns a text that is equal for two values if and only if a provider would see no change between them. Keys are
 * sorted, and a file is represented by the engine's hash of it, not by its path.
 */
export function canonical(value: Value | undefined): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    const entries = Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1));
    if (SIGNATURE in part && "hash" in part && part.hash !== "") return { hash: part.hash };
    return Object.fromEntries(entries);
  });
}

/** Returns the value if it is an object, or an empty object. */
export function asObject(value: Value | undefined): Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** Returns the value if it is a list, or an empty list. */
export function asList(value: Value | undefined): Value[] {
  return Array.isArray(value) ? value : [];
}

/** Returns the value if it is a known, non-empty text, or the fallback. */
export function asText(value: Value | undefined, fallback = ""): string {
  return typeof value === "string" && value !== UNKNOWN && value !== "" ? value : fallback;
}
