/** Outcome of an actor's call to its environment. */
export type CallOutcome =
  /** The call is executed. */
  | "go"
  /** It fails without being executed. */
  | "failBefore"
  /** It is executed, and its response is lost. */
  | "failAfter"
  /** The actor crashes: none of its later calls is executed. */
  | "crash";

/** A lost connection, as the drivers report it. */
export class ConnectionLost extends Error {
  readonly code = "ECONNRESET";
  constructor() {
    super("Connection terminated unexpectedly");
  }
}

/** Promise that never settles, for a crashed actor. */
const NEVER_SETTLES = new Promise<never>(() => undefined);

/**
 * A component (an invocation of the dispatcher, or a run) whose every external call waits for its turn, so that a
 * schedule decides the order and the failures of all actors' calls. The component is the unchanged production code.
 */
export class Actor {
  readonly name: string;
  readonly kind: "dispatcher" | "run";
  /** The call that waits for its turn; undefined while the actor computes, and after its end. */
  waiting: { label: string; resume(outcome: CallOutcome): void } | undefined;
  state: "alive" | "crashed" | "ended" = "alive";
  /** True while the actor gets no turn. */
  paused = false;
  readonly #onCrash: () => void;
  readonly #watchers = new Set<() => void>();

  constructor(kind: "dispatcher" | "run", name: string, onCrash: () => void) {
    this.kind = kind;
    this.name = name;
    this.#onCrash = onCrash;
  }

  /** Starts the actor's work. */
  begin(work: () => Promise<unknown>): void {
    work()
      // The actor's own failure is irrelevant; only its effects are checked.
      .catch(() => undefined)
      .finally(() => {
        if (this.state === "alive") this.state = "ended";
        this.#notifyWatchers();
      });
  }

  /**
   * Executes one external call: waits for its turn, then applies the outcome that the schedule chose.
   *
   * @param lose - Breaks the call's connection when the outcome is a failure.
   */
  async call<T>(label: string, effect: () => Promise<T>, lose: () => void = () => undefined): Promise<T> {
    if (this.state === "crashed") return NEVER_SETTLES;
    const { promise, resolve } = Promise.withResolvers<CallOutcome>();
    // Concurrent calls (Promise.all) take turns one after the other.
    while (this.waiting) await this.#waitForRelease();
    this.waiting = { label, resume: resolve };
    this.#notifyWatchers();
    const outcome = await promise;
    this.waiting = undefined;
    this.#resolveRelease?.();
    if (outcome === "crash") {
      this.crash();
      return NEVER_SETTLES;
    }
    if (outcome === "failBefore") {
      lose();
      throw new ConnectionLost();
    }
    // A crashed actor gets no result, not even a connection error.
    const result = await effect().catch((error: unknown) => {
      if (this.crashed) return NEVER_SETTLES;
      throw error;
    });
    if (this.crashed) return NEVER_SETTLES;
    if (outcome === "failAfter") {
      lose();
      throw new ConnectionLost();
    }
    return result;
  }

  /** Pauses the actor like a stopped process, or resumes it. */
  pause(paused: boolean): void {
    this.paused = paused;
  }

  crash(): void {
    if (this.state !== "alive") return;
    this.state = "crashed";
    this.#onCrash();
    this.#notifyWatchers();
  }

  get crashed(): boolean {
    return this.state === "crashed";
  }

  /** Resolves when the actor waits for a turn or has ended, at the latest after a time, since it may wait for a lock. */
  async waitUntilSettled(milliseconds: number): Promise<void> {
    if (this.waiting || this.state !== "alive") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#watchers.add(resolve);
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
    this.#watchers.delete(resolve);
  }

  #notifyWatchers(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #resolveRelease: (() => void) | undefined;
  async #waitForRelease(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#resolveRelease;
    this.#resolveRelease = () => {
      before?.();
      resolve();
    };
    await promise;
  }
}
