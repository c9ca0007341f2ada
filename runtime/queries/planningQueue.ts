import { JobError } from "../contract/errors.ts";

/** Limits of planning per tenant. */
export interface PlanningLimits {
  /** Maximum planning time per tenant within the window, in milliseconds. */
  readonly spentMs: number;
  readonly windowMs: number;
  /** Maximum number of reads per tenant that wait or are being planned. */
  readonly waiting: number;
}

/** A plan usually takes a few milliseconds; one that times out takes two seconds. */
const DEFAULT_LIMITS: PlanningLimits = { spentMs: 4_000, windowMs: 60_000, waiting: 50 };

interface TenantQueue {
  spentMs: number;
  startedAt: number;
  /** Number of reads that wait or are being planned. */
  waiting: number;
  /** Settles when the tenant's last waiting read has been planned. */
  last: Promise<unknown>;
}

/**
 * Shares the planner's connections between tenants. Each tenant has a queue that plans one read at a time. Once the
 * tenant has used up its planning time in this process, its reads are refused until the window has passed.
 */
export class PlanningQueues {
  readonly #limits: PlanningLimits;
  readonly #now: () => number;
  readonly #queues = new Map<string, TenantQueue>();

  constructor(limits: PlanningLimits = DEFAULT_LIMITS, now = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Number of tenants in memory. */
  get tenants(): number {
    return this.#queues.size;
  }

  /**
   * Plans a read after the tenant's earlier reads.
   * @throws JobError Busy if planning the tenant's reads took too long, or too many of them wait
   */
  async run<T>(tenant: string, plan: () => Promise<T>): Promise<T> {
    this.#resetExpired();
    const queue = this.#queues.get(tenant) ?? {
      spentMs: 0,
      startedAt: this.#now(),
      waiting: 0,
      last: Promise.resolve(),
    };
    this.#queues.set(tenant, queue);
    if (queue.waiting >= this.#limits.waiting) throw busyError("too many of this tenant's reads wait to be planned");
    queue.waiting += 1;
    const result = queue.last.then(() => this.#plan(queue, plan));
    queue.last = result.catch(() => undefined);
    return result.finally(() => {
      queue.waiting -= 1;
    });
  }

  async #plan<T>(queue: TenantQueue, plan: () => Promise<T>): Promise<T> {
    if (queue.spentMs >= this.#limits.spentMs)
      throw busyError("the planner spent too long on this tenant's reads recently");
    const start = this.#now();
    try {
      return await plan();
    } finally {
      queue.spentMs += this.#now() - start;
    }
  }

  /** Starts a new window for tenants whose window has passed, and deletes those without unfinished reads. */
  #resetExpired(): void {
    const oldest = this.#now() - this.#limits.windowMs;
    for (const [tenant, queue] of this.#queues) {
      if (queue.startedAt > oldest) continue;
      if (queue.waiting === 0) this.#queues.delete(tenant);
      else Object.assign(queue, { spentMs: 0, startedAt: this.#now() });
    }
  }
}

const busyError = (reason: string) => new JobError("Busy", { reason });

const queuesByPool = new WeakMap<object, PlanningQueues>();

/** Returns the planning queues of a pool. */
export function planningQueuesOf(plans: object): PlanningQueues {
  const queues = queuesByPool.get(plans) ?? new PlanningQueues();
  queuesByPool.set(plans, queues);
  return queues;
}
