/**
 * How long clients wait before they give up, where that is less than the deadline: an answer that comes later is work for nobody, and a queue that is kept
 * just short enough for the deadline makes all of them late. Learnt from those that gave up while they waited for their turn: the median of their ages,
 * in force from when some two of a hundred do. It never falls below a quarter of the deadline, so clients that leave at once, for whatever reason or on
 * purpose, cannot have others refused for it where nothing waits for long. How long they wait is mostly a matter of clients and not of routes: where
 * those of at least two routes give up, the others go by the most patient of these, until theirs show more. Pure; allocates nothing.
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

/** A route with fewer that gave up, one of them a hundred turns ago, shows nothing to others. */
const SHOWING = GAVE_UP_WEIGHT * 0.8;

/** What clients of one server have shown, whatever they asked for. */
export class Patiences {
  readonly #all: Patience[] = [];
  /** Undefined where hardly any give up, or only clients of one route. */
  ms: number | undefined;

  of(): Patience {
    const patience = new Patience(this);
    this.#all.push(patience);
    return patience;
  }

  /** @internal clients of a route show more, or nothing any longer */
  look(): void {
    let [share, routes, longest] = [0, 0, 0];
    for (const one of this.#all) {
      if (one.share < SHOWING) continue;
      share += one.share;
      routes++;
      longest = Math.max(longest, one.medianMs);
    }
    if (routes < 2) this.ms = undefined;
    else if (this.ms !== undefined || share >= ON) this.ms = longest;
  }
}

export class Patience {
  readonly #others: Patiences | undefined;
  #share = 0;
  #medianMs = 0;
  #isKnown = false;

  constructor(others?: Patiences) { this.#others = others; }

  /** Of those that come, how many give up, as far as that is known; and when. */
  get share(): number { return this.#share; }
  get medianMs(): number { return this.#medianMs; }

  /** The turn of one has come. */
  turn(): void {
    const before = this.#share;
    if (before === 0) return;
    this.#share -= before * TURN_WEIGHT;
    if (before >= SHOWING && this.#share < SHOWING) this.#others?.look();
    if (this.#share < OFF) this.#isKnown = false;
  }

  /** A client has gone before it was answered, so long after it came. */
  gaveUp(ageMs: number): void {
    if (!(ageMs >= 0)) return;
    this.#medianMs = this.#medianMs === 0 ? ageMs : this.#medianMs * (ageMs > this.#medianMs ? 1 + STEP : 1 - STEP);
    this.#share += (1 - this.#share) * GAVE_UP_WEIGHT;
    if (this.#share >= ON) this.#isKnown = true;
    this.#others?.look();
  }

  /** The deadline that clients will see met: theirs, where that is known and earlier. */
  within(deadlineMs: number): number {
    const ms = this.#isKnown ? this.#medianMs : this.#others?.ms;
    return ms === undefined ? deadlineMs : Math.max(LEAST * deadlineMs, Math.min(deadlineMs, ms));
  }
}
