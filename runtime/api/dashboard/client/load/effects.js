/** Describes what a load does to existing rows. @type {(target: string, mode: string) => string} */
export function effectOf(target, mode) {
  if (target !== "prices") return "Rows with an existing key are updated, others are added.";
  return mode === "replace"
    ? "The prices of every lane and day in the file are deleted first."
    : "The rows are added to the existing prices.";
}

/** Describes the effect of loading the same content again. @type {(target: string, mode: string) => string} */
export function repeatEffectOf(target, mode) {
  if (target !== "prices") return `Loading it again undoes later changes of the same ${target}.`;
  return mode === "replace"
    ? "Loading it again deletes later prices of the same lanes and days."
    : "Loading it again duplicates the prices.";
}
