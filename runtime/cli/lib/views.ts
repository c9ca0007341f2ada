import { suggestion } from "../../contract/problems.ts";
import { shellWord } from "../../contract/shellQuote.ts";
import { CommandError } from "./exits.ts";
import { PROFILE_NAME, readProfiles, writeProfiles } from "./profiles.ts";

/** Flags of `rates list` that a view stores. */
const VIEW_FLAGS = [
  "status",
  "type",
  "runner",
  "text",
  "label",
  "since",
  "from",
  "to",
  "sort",
  "order",
  "limit",
] as const;
/** A saved view: flags of `rates list`. Ages are stored as typed, so that they stay relative to now. */
export type View = Partial<Record<(typeof VIEW_FLAGS)[number], string>>;

/** Maximum number of views. */
const MAX_VIEWS = 100;

/** Returns the saved views by name. */
export function readViews(): Record<string, View> {
  const { views = {} } = readProfiles();
  return Object.fromEntries(Object.entries(views).map(([name, view]) => [name, viewOf(view)]));
}

/** Returns those of the given flags that a view stores. */
export const viewOf = (
  flags: Readonly<Partial<Record<(typeof VIEW_FLAGS)[number], string | number | undefined>>>,
): View =>
  Object.fromEntries(VIEW_FLAGS.flatMap((name) => (flags[name] === undefined ? [] : [[name, String(flags[name])]])));

/**
 * Returns a saved view.
 * @throws CommandError if it does not exist
 */
export function viewNamed(name: string, views = readViews()): View {
  const view = Object.hasOwn(views, name) ? views[name] : undefined;
  if (view !== undefined) return view;
  const names = Object.keys(views);
  const known = names.length === 0 ? "No view is saved yet" : `Known: ${names.join(", ")}`;
  const hint = suggestion(name, names);
  throw new CommandError(
    "invalid",
    `There is no view '${name}'.${hint.startsWith(" Did") ? hint : ""} ${known}; \`rates list --status failed --save-view ${PROFILE_NAME.test(name) ? name : "NAME"}\` saves one.`,
  );
}

/**
 * Saves a view beside the profiles. Replaces a view of the same name.
 * @throws CommandError for an invalid name, an empty view, or too many views
 */
export function saveView(name: string, view: View): void {
  if (!PROFILE_NAME.test(name))
    throw new CommandError("invalid", `--save-view '${name}' must consist of at most 64 letters, digits and . _ -.`);
  if (Object.keys(view).length === 0)
    throw new CommandError("invalid", "A view needs a filter, for example --status failed --since 2h.");
  const saved = readProfiles();
  const views = { ...saved.views, [name]: view };
  if (Object.keys(views).length > MAX_VIEWS)
    throw new CommandError("invalid", `There are ${MAX_VIEWS} views already. \`rates view remove NAME\` deletes one.`);
  writeProfiles({ ...saved, views });
}

/**
 * Deletes a view.
 * @throws CommandError if it does not exist
 */
export function removeView(name: string): void {
  const saved = readProfiles();
  viewNamed(name);
  const { [name]: _, ...views } = saved.views ?? {};
  writeProfiles({ ...saved, views });
}

/** Formats a view as flags of `rates list`. */
export const flagsOf = (view: View): string =>
  Object.entries(view)
    .map(([name, value]) => `--${name} ${shellWord(value)}`)
    .join(" ");
