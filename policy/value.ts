import { UNKNOWN_VALUES } from "./unknownValues.ts";

/** Result of reading a value that is unknown or not of the requested type; the problem is already recorded. */
export const UNRESOLVED: unique symbol = Symbol("unresolved");
/** Type of {@link UNRESOLVED}. */
export type Unresolved = typeof UNRESOLVED;

/** Records values that prevent a check. */
export interface UnresolvedReporter {
  /** Records an unknown value. */
  unknown(path: string): void;
  /** Records a value of a type that the rule cannot read. */
  unreadable(path: string, expected: string): void;
}

/**
 * A property of a resource, or a part of a property, as the engine passes it: missing, null, unknown or of any type.
 * Reading it never throws: an unknown or unreadable value is reported and returned as UNRESOLVED.
 */
export class Value {
  /** Path of the property in its resource, for example `scalingConfig.maximumConcurrency`. */
  readonly path: string;
  readonly #raw: unknown;
  readonly #reporter: UnresolvedReporter;

  constructor(raw: unknown, path: string, reporter: UnresolvedReporter) {
    this.#raw = raw;
    this.path = path;
    this.#reporter = reporter;
  }

  /**
   * Returns a part by its path, for example `scalingConfig.maximumConcurrency`. A part of an unknown value is unknown.
   */
  at(path: string): Value {
    let raw = this.#raw;
    for (const key of path.split(".")) {
      if (isUnknown(raw)) break;
      // Lists and objects among the inputs of a provider resource (pulumi:providers:aws) arrive as JSON texts.
      const parsed = typeof raw === "string" ? parseObjectOrList(raw) : raw;
      raw = isRecord(parsed) && Object.hasOwn(parsed, key) ? parsed[key] : undefined;
    }
    return new Value(raw, this.path === "" ? path : `${this.path}.${path}`, this.#reporter);
  }

  /** Returns true if the value is known only after an update has created its dependencies. */
  get isUnknown(): boolean {
    return isUnknown(this.#raw);
  }

  /** Returns true for a missing value, null, or an empty text, which the AWS provider reports for an unset property. */
  get isAbsent(): boolean {
    return this.#raw === undefined || this.#raw === null || this.#raw === "";
  }

  /** Returns true for an object that is not a list. */
  get isObject(): boolean {
    return isRecord(this.#raw) && !Array.isArray(this.#raw);
  }

  /** Returns true for a list. */
  get isList(): boolean {
    return Array.isArray(this.#raw);
  }

  /** Reads a number, which may be written as text; returns `fallback` if it is missing. */
  number<T>(fallback: T): number | T | Unresolved {
    return this.#convert(fallback, "a number", (raw) => {
      const value = typeof raw === "string" && raw.trim() !== "" ? Number(raw) : raw;
      return typeof value === "number" && Number.isFinite(value) ? value : undefined;
    });
  }

  /** Reads a text; returns `fallback` if it is missing. */
  text<T>(fallback: T): string | T | Unresolved {
    return this.#convert(fallback, "text", (raw) => (typeof raw === "string" ? raw : undefined));
  }

  /** Reads a boolean, which may be written as text; returns `fallback` if it is missing. */
  flag<T>(fallback: T): boolean | T | Unresolved {
    return this.#convert(fallback, "true or false", (raw) => {
      if (raw === "true" || raw === "false") return raw === "true";
      return typeof raw === "boolean" ? raw : undefined;
    });
  }

  /** Returns the items of a list or of a JSON list; none if it is missing. A single object counts as a list of one. */
  items(): readonly Value[] | Unresolved {
    return this.#convert([], "a list", (raw) => {
      const list = typeof raw === "string" ? (parseObjectOrList(raw) ?? raw) : raw;
      const items: readonly unknown[] | undefined = Array.isArray(list) ? list : isRecord(list) ? [list] : undefined;
      return items?.map((item, index) => new Value(item, `${this.path}[${index}]`, this.#reporter));
    });
  }

  /** Returns the texts of a list; a single text counts as a list of one. */
  texts(): readonly string[] | Unresolved {
    if (typeof this.#raw === "string" && !isUnknown(this.#raw) && parseObjectOrList(this.#raw) === undefined)
      return [this.#raw];
    const items = this.items();
    if (items === UNRESOLVED) return UNRESOLVED;
    const texts = items.map((item) => item.text(""));
    return texts.some((text) => text === UNRESOLVED) ? UNRESOLVED : texts.filter((text) => text !== UNRESOLVED);
  }

  /** Returns the names of the properties of an object or of a JSON object. */
  keys(): readonly string[] | Unresolved {
    return this.#convert([], "an object", (raw) => {
      const parsed = typeof raw === "string" ? parseObjectOrList(raw) : raw;
      return isRecord(parsed) && !Array.isArray(parsed) ? Object.keys(parsed) : undefined;
    });
  }

  #convert<V, T>(fallback: T, expected: string, convert: (raw: unknown) => V | undefined): V | T | Unresolved {
    if (this.isUnknown) {
      this.#reporter.unknown(this.path);
      return UNRESOLVED;
    }
    if (this.isAbsent) return fallback;
    const value = convert(this.#raw);
    if (value !== undefined) return value;
    this.#reporter.unreadable(this.path, expected);
    return UNRESOLVED;
  }
}

const isUnknown = (raw: unknown): boolean => typeof raw === "string" && UNKNOWN_VALUES.has(raw);
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Parses a JSON text if it contains an object or a list. */
function parseObjectOrList(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
