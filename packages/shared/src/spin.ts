/**
 * How long to look again before sleeping: success decides. Two regimes look alike from inside. Sender and sleeper on two cores: a spin of
 * 1 us saves a wake of 20 to 60 us. Both on one core: a spin keeps the sender from running and costs its whole length. So a spin that
 * ended with work doubles the budget, one that did not halves it down to none, and a rare probe finds out when the regime changes.
 * Measured (docs/decisions/0003-success-driven-spin.md): a fixed spin costs a factor of 2 to 3 when threads outnumber cores.
 * Source: competitive spinning (Karlin, Li, Manasse, Owicki, SOSP 1991), with the budget learnt instead of fixed.
 */

/** Longest spin before a sleep, microseconds: it must exceed the other side's wake, or both fall asleep in turn. */
const BUDGET_US_MAX = 100;
/** What a wake takes, microseconds: who has just woken the other side waits so much longer for its answer. */
const WAKE_US = 100;
/** A twelfth of the longest is the shortest. */
const MIN_OF_MAX = 1 / 12;
/** One attempt in this many spins although spinning has not paid: on one core the probe is the p99. */
const PROBE_EVERY = 256;

export class SpinBudget {
  readonly #maxUs: number;
  #us: number;
  #attempts = 0;

  constructor(maxUs: number = BUDGET_US_MAX) { this.#maxUs = this.#us = maxUs; }

  /** Microseconds to spin now; 0: sleep at once. `hasWoken`: the other side was asleep, and has been woken just now. */
  next(hasWoken = false): number {
    const us = this.#us > 0 ? this.#us : ++this.#attempts % PROBE_EVERY === 0 ? this.#maxUs : 0;
    return us > 0 && hasWoken ? us + WAKE_US : us;
  }
  /** The spin of `us` microseconds ended with work. */
  won(us: number): void { this.#us = Math.min(Math.max(this.#us, us) * 2, this.#maxUs); }
  /** It did not. */
  lost(): void { this.#us = this.#us > this.#maxUs * MIN_OF_MAX ? this.#us / 2 : 0; }
}
