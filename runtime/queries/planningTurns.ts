import { JobError } from "../contract/errors.ts";

/** Limits of what one tenant's reads may take of the planner. */
export interface PlanningLimits {
  /** Time that a tenant's plans may take within the window. Milliseconds. */
  readonly spentMs: number;
  readonly windowMs: number;
  /** Reads of one tenant that may wait for their turn. */
  readonly waiting: number;
}

/** A plan takes a few milliseconds; each of those that are cut off takes two seconds. */
const LIMITS: PlanningLimits = { spentMs: 4_000, windowMs: 60_000, waiting: 50 };

interface Turn {
  spentMs: number;
  since: number;
  waiting: number;
  /** Settles when the last read of the tenant that waits has had its turn. */
  last: Promise<unknown>;
}

/**
 * Shares the planner's connections between tenants: each plans one read at a time, and none plans more in this process
 * once its plans have taken too long, until the window has passed.
 */
export class PlanningTurns {
  readonly #limits: PlanningLimits;
  readonly #now: () => number;
  readonly #turns = new Map<string, Turn>();

  constructor(limits: PlanningLimits = LIMITS, now = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Tenants that are remembered. */
  get tenants(): number {
    return this.#turns.size;
  }

  /**
   * Runs a plan when it is the tenant's turn.
   * @throws JobError Busy when the tenant's plans took too long, or too many of them wait
   */
  async run<T>(tenant: string, plan: () => Promise<T>): Promise<T> {
    this.#forget();
    const turn = this.#turns.get(tenant) ?? { spentMs: 0, since: this.#now(), waiting: 0, last: Promise.resolve() };
    this.#turns.set(tenant, turn);
    if (turn.waiting >= this.#limits.waiting) throw busy("too many of this tenant's reads wait to be planned");
    turn.waiting += 1;
    const mine = turn.last.then(() => this.#plan(turn, plan));
    turn.last = mine.catch(() => undefined);
    return mine.finally(() => {
      turn.waiting -= 1;
    });
  }

  async #plan<T>(turn: Turn, plan: () => Promise<T>): Promise<T> {
    if (turn.spentMs >= this.#limits.spentMs)
      throw busy("the planner spent too long on this tenant's reads in the last minute");
    const start = this.#now();
    try {
      return await plan();
    } finally {
      turn.spentMs += this.#now() - start;
    }
  }

  /** Drops what is older than the window. */
  #forget(): void {
    const oldest = this.#now() - this.#limits.windowMs;
    for (const [tenant, turn] of this.#turns) {
      if (turn.since > oldest) continue;
      if (turn.waiting === 0) this.#turns.delete(tenant);
      else Object.assign(turn, { spentMs: 0, since: this.#now() });
    }
  }
}

const busy = (reason: string) => new JobError("Busy", { reason });

const ofPool = new WeakMap<object, PlanningTurns>();

/** The turns of a pool that plans reads. */
export function turnsOf(plans: object): PlanningTurns {
  const turns = ofPool.get(plans) ?? new PlanningTurns();
  ofPool.set(plans, turns);
  return turns;
}
