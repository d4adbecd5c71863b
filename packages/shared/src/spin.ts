/**
 * How long to look again before sleeping: success decides. Two regimes look alike from inside. Sender and sleeper on two cores: a spin of
 * 1 us saves a wake of 20 to 60 us. Both on one core: a spin keeps the sender from running and costs its whole length. So a spin that
 * ended with work doubles the budget, one that did not halves it down to none, and a rare probe finds out when the regime changes.
 * Measured (docs/decisions/0003-success-driven-spin.md): a fixed spin costs a factor of 2 to 3 when threads outnumber cores.
 * Source: competitive spinning (Karlin, Li, Manasse, Owicki, SOSP 1991), with the budget learnt instead of fixed.
 */

/** Longest spin, microseconds: it must exceed the other side's wake, or both fall asleep in turn. */
const BUDGET_US_MAX = 100;
const BUDGET_US_MIN = 8;
/** One attempt in this many spins although spinning has not paid: on one core the probe is the p99. */
const PROBE_EVERY = 256;

export class SpinBudget {
  #us = BUDGET_US_MAX;
  #attempts = 0;

  /** Microseconds to spin now; 0: sleep at once. */
  next(): number {
    if (this.#us > 0) return this.#us;
    return ++this.#attempts % PROBE_EVERY === 0 ? BUDGET_US_MAX : 0;
  }
  /** The spin of `us` microseconds ended with work. */
  won(us: number): void { this.#us = Math.min(Math.max(this.#us, us) * 2, BUDGET_US_MAX); }
  /** It did not. */
  lost(): void { this.#us = this.#us > BUDGET_US_MIN ? this.#us / 2 : 0; }
}
