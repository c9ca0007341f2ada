import { JobError } from "../contract/errors.ts";

/** Limits concurrent work of one process, in total and per tenant, so that one tenant cannot use all of it. */
export class TenantLimiter {
  readonly #maxRunning: number;
  readonly #maxRunningPerTenant: number;
  readonly #reason: string;
  readonly #runningByTenant = new Map<string, number>();
  #running = 0;

  /** @param reason - Why the platform is busy; part of the error. */
  constructor(max: number, maxPerTenant: number, reason: string) {
    this.#maxRunning = max;
    this.#maxRunningPerTenant = maxPerTenant;
    this.#reason = reason;
  }

  /**
   * Takes a permit.
   * @returns A function that releases it.
   * @throws JobError Busy
   */
  take(tenant: string): () => void {
    const tenantRunning = this.#runningByTenant.get(tenant) ?? 0;
    if (this.#running >= this.#maxRunning || tenantRunning >= this.#maxRunningPerTenant)
      throw new JobError("Busy", { reason: this.#reason });
    this.#runningByTenant.set(tenant, tenantRunning + 1);
    this.#running += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const remaining = (this.#runningByTenant.get(tenant) ?? 1) - 1;
      if (remaining > 0) this.#runningByTenant.set(tenant, remaining);
      else this.#runningByTenant.delete(tenant);
      this.#running -= 1;
    };
  }
}
