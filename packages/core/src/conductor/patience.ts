/**
 * How long clients wait before they give up, where that is less than the deadline: an answer that comes later is work for nobody, and a queue that is kept
 * just short enough for the deadline makes all of them late. Learnt from those that gave up while they waited for their turn: the median of their ages,
 * in force from when some two of a hundred do. It never falls below a quarter of the deadline, so clients that leave at once, for whatever reason or on
 * purpose, cannot have others refused for it where nothing waits for long. Pure; allocates nothing.
 */

/** Weight of one that gave up, and of one whose turn came: as the first are to be few, the others weigh less. */
const GAVE_UP_WEIGHT = 1 / 64;
const TURN_WEIGHT = 1 / 512;
/** In force from the one, until the other: some seven hundred turns without anybody giving up. */
const ON = 1 / 8;
const OFF = 1 / 32;
/** Part by which the median moves towards an age. */
const STEP = 0.05;
const LEAST = 0.25;

export class Patience {
  #share = 0;
  #medianMs = 0;
  #isKnown = false;

  /** The turn of one has come. */
  turn(): void {
    this.#share -= this.#share * TURN_WEIGHT;
    if (this.#share < OFF) this.#isKnown = false;
  }

  /** A client has gone before it was answered, so long after it came. */
  gaveUp(ageMs: number): void {
    if (!(ageMs >= 0)) return;
    this.#medianMs = this.#medianMs === 0 ? ageMs : this.#medianMs * (ageMs > this.#medianMs ? 1 + STEP : 1 - STEP);
    this.#share += (1 - this.#share) * GAVE_UP_WEIGHT;
    if (this.#share >= ON) this.#isKnown = true;
  }

  /** The deadline that clients will see met: theirs, where that is known and earlier. */
  within(deadlineMs: number): number { return this.#isKnown ? Math.max(LEAST * deadlineMs, Math.min(deadlineMs, this.#medianMs)) : deadlineMs; }
}
