import { JobError } from "../contract/errors.ts";

/** Limits concurrent work of one process, in total and per tenant, so that one tenant cannot use all of it. */
export class TenantSlots {
  readonly #max: number;
  readonly #maxPerTenant: number;
  readonly #reason: string;
  readonly #held = new Map<string, number>();
  #all = 0;

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
    const own = this.#held.get(tenant) ?? 0;
    if (this.#all >= this.#max || own >= this.#maxPerTenant) throw new JobError("Busy", { reason: this.#reason });
    this.#held.set(tenant, own + 1);
    this.#all += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#held.get(tenant) ?? 1) - 1;
      if (left > 0) this.#held.set(tenant, left);
      else this.#held.delete(tenant);
      this.#all -= 1;
    };
  }
}
