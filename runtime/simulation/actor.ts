/** Outcome of an actor's call to its environment. */
export type CallOutcome =
  /** The call takes place. */
  | "go"
  /** It fails without having taken place. */
  | "failBefore"
  /** It takes place, and its answer is lost. */
  | "failAfter"
  /** The actor ends: nothing of it happens any more. */
  | "crash";

/** A lost connection, as the drivers tell it. */
export class ConnectionLost extends Error {
  readonly code = "ECONNRESET";
  constructor() {
    super("Connection terminated unexpectedly");
  }
}

/** Never settles: what a crashed actor waits for. */
const NEVER = new Promise<never>(() => undefined);

/**
 * A part of the platform (an invocation of the dispatcher, a run) whose every call to the world waits for its turn, so
 * that a schedule decides in which order the calls of all actors take place, and which of them fail. The part itself is
 * the production code and knows nothing of it.
 */
export class Actor {
  readonly name: string;
  readonly kind: "dispatcher" | "run";
  /** The call that it waits for; undefined while it computes, and after its end. */
  waiting: { what: string; turn(fate: CallOutcome): void } | undefined;
  state: "alive" | "crashed" | "ended" = "alive";
  /** Set while it must not be given a turn. */
  paused = false;
  readonly #onCrash: () => void;
  readonly #watchers = new Set<() => void>();

  constructor(kind: "dispatcher" | "run", name: string, onCrash: () => void) {
    this.kind = kind;
    this.name = name;
    this.#onCrash = onCrash;
  }

  /** Begins its work. */
  begin(work: () => Promise<unknown>): void {
    work()
      // How it fails is its own affair: what counts is what it leaves behind.
      .catch(() => undefined)
      .finally(() => {
        if (this.state === "alive") this.state = "ended";
        this.#arrived();
      });
  }

  /** One call to the world: waits for its turn, and does what the schedule says. */
  async call<T>(what: string, effect: () => Promise<T>, lose: () => void = () => undefined): Promise<T> {
    if (this.state === "crashed") return NEVER;
    const { promise, resolve } = Promise.withResolvers<CallOutcome>();
    // Several calls at once (Promise.all) take their turns one after the other.
    while (this.waiting) await this.#free();
    this.waiting = { what, turn: resolve };
    this.#arrived();
    const fate = await promise;
    this.waiting = undefined;
    this.#released?.();
    if (fate === "crash") {
      this.crash();
      return NEVER;
    }
    if (fate === "failBefore") {
      lose();
      throw new ConnectionLost();
    }
    // Who crashed meanwhile hears of nothing, not even that its connection is gone.
    const answer = await effect().catch((error: unknown) => {
      if (this.crashed) return NEVER;
      throw error;
    });
    if (this.crashed) return NEVER;
    if (fate === "failAfter") {
      lose();
      throw new ConnectionLost();
    }
    return answer;
  }

  /** True while it gets no turn, like a stopped process. */
  pause(paused: boolean): void {
    this.paused = paused;
  }

  crash(): void {
    if (this.state !== "alive") return;
    this.state = "crashed";
    this.#onCrash();
    this.#arrived();
  }

  get crashed(): boolean {
    return this.state === "crashed";
  }

  /** Resolves when it waits for a turn or has come to its end, or after so many milliseconds (it waits for a lock). */
  async settled(milliseconds: number): Promise<void> {
    if (this.waiting || this.state !== "alive") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#watchers.add(resolve);
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
    this.#watchers.delete(resolve);
  }

  #arrived(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #released: (() => void) | undefined;
  async #free(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#released;
    this.#released = () => {
      before?.();
      resolve();
    };
    await promise;
  }
}
