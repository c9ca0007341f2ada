import { JobError } from "../contract/errors.ts";

/** Limits of planning per tenant. */
export interface PlanningLimits {
  /** Maximum planning time per tenant within the window. Milliseconds. */
  readonly spentMs: number;
  readonly windowMs: number;
  /** Maximum number of waiting reads per tenant. */
  readonly waiting: number;
}

/** A plan usually takes a few milliseconds; one that times out takes two seconds. */
const DEFAULT_LIMITS: PlanningLimits = { spentMs: 4_000, windowMs: 60_000, waiting: 50 };

interface Turn {
  spentMs: number;
  startedAt: number;
  waiting: number;
  /** Settles when the tenant's last waiting read has been planned. */
  last: Promise<unknown>;
}

/**
 * Shares the planner's connections between tenants. Each plans one read at a time, and none after its planning time in
 * this process is used up, until the window has passed.
 */
export class PlanningTurns {
  readonly #limits: PlanningLimits;
  readonly #now: () => number;
  readonly #turns = new Map<string, Turn>();

  constructor(limits: PlanningLimits = DEFAULT_LIMITS, now = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Number of tenants in memory. */
  get tenants(): number {
    return this.#turns.size;
  }

  /**
   * Runs a plan when it is the tenant's turn.
   * @throws JobError Busy when the tenant's plans took too long, or too many of them wait
   */
  async run<T>(tenant: string, plan: () => Promise<T>): Promise<T> {
    this.#forget();
    const turn = this.#turns.get(tenant) ?? { spentMs: 0, startedAt: this.#now(), waiting: 0, last: Promise.resolve() };
    this.#turns.set(tenant, turn);
    if (turn.waiting >= this.#limits.waiting) throw busyError("too many of this tenant's reads wait to be planned");
    turn.waiting += 1;
    const result = turn.last.then(() => this.#plan(turn, plan));
    turn.last = result.catch(() => undefined);
    return result.finally(() => {
      turn.waiting -= 1;
    });
  }

  async #plan<T>(turn: Turn, plan: () => Promise<T>): Promise<T> {
    if (turn.spentMs >= this.#limits.spentMs)
      throw busyError("the planner spent too long on this tenant's reads in the last minute");
    const start = this.#now();
    try {
      return await plan();
    } finally {
      turn.spentMs += this.#now() - start;
    }
  }

  /** Resets tenants whose window has passed. */
  #forget(): void {
    const oldest = this.#now() - this.#limits.windowMs;
    for (const [tenant, turn] of this.#turns) {
      if (turn.startedAt > oldest) continue;
      if (turn.waiting === 0) this.#turns.delete(tenant);
      else Object.assign(turn, { spentMs: 0, startedAt: this.#now() });
    }
  }
}

const busyError = (reason: string) => new JobError("Busy", { reason });

const turnsByPool = new WeakMap<object, PlanningTurns>();

/** Returns the planning turns of a pool. */
export function turnsOf(plans: object): PlanningTurns {
  const turns = turnsByPool.get(plans) ?? new PlanningTurns();
  turnsByPool.set(plans, turns);
  return turns;
}
