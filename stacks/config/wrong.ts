/** A field that is wrong, or missing, was read. */
class WrongField extends Error {}

/**
 * What a check finds in a configuration of which some fields are wrong; undefined where it must read one of them, since
 * nothing can be said then. What a check reads is seen while it runs, so that no list of it can be out of date.
 * @param wrong the paths of the wrong fields, as `network.cidr`
 */
export function unlessWrong<T extends object, R>(
  config: T,
  wrong: ReadonlySet<string>,
  check: (config: T) => R,
): R | undefined {
  try {
    return check(guarded(config, wrong, ""));
  } catch (error) {
    if (error instanceof WrongField) return undefined;
    throw error;
  }
}

function guarded<T extends object>(value: T, wrong: ReadonlySet<string>, path: string): T {
  return new Proxy(value, {
    get(target, name) {
      const field: unknown = Reflect.get(target, name);
      if (typeof name === "symbol") return field;
      const at = `${path}${name}`;
      if (wrong.has(at)) throw new WrongField(at);
      return field !== null && typeof field === "object" ? guarded(field, wrong, `${at}.`) : field;
    },
  });
}
