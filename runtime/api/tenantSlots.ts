import { JobError } from "../contract/errors.ts";

/** Limits concurrent work of one process, in total and per tenant, so that one tenant cannot use all of it. */
export class TenantSlots {
  readonly #max: number;
  readonly #maxPerTenant: number;
  readonly #reason: string;
  readonly #usedByTenant = new Map<string, number>();
  #used = 0;

  /** @param reason why the platform is busy, for the error */
  constructor(max: number, maxPerTenant: number, reason: string) {
    this.#max = max;
    this.#maxPerTenant = maxPerTenant;
    this.#reason = reason;
  }

  /**
   * Takes a slot.
   * @returns A function that releases it.
   * @throws JobError Busy
   */
  take(tenant: string): () => void {
    const own = this.#usedByTenant.get(tenant) ?? 0;
    if (this.#used >= this.#max || own >= this.#maxPerTenant) throw new JobError("Busy", { reason: this.#reason });
    this.#usedByTenant.set(tenant, own + 1);
    this.#used += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#usedByTenant.get(tenant) ?? 1) - 1;
      if (left > 0) this.#usedByTenant.set(tenant, left);
      else this.#usedByTenant.delete(tenant);
      this.#used -= 1;
    };
  }
}
