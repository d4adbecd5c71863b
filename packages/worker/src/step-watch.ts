/**
 * What goes on outside of turns is not charged, recorded or held back: it is short as a rule, and a look at the clock would cost half as much as it does.
 * So one in some is measured, and where that takes long, those of its root go through their run queue, where all of that is done. Next: scheduler.ts.
 */
import { sharedNow } from './clock.ts';

/** A longer one is worth a turn, ms: if it is no accident, such as a collection, or a core that the kernel has given to others meanwhile. */
const LONG_MS = 0.5;
/** What a long one counts, of which each short one takes 1 off; and how much is no accident: two of five, for between two long ones there are often short ones. */
const WEIGHT = 4;
const HABIT = 6;
/** So many go through the run queue before one is tried again. */
const LONG_RUN = 64;
/** The first of each root are measured, and later one in so many looks at the clock. */
const FIRST = 8;
const LOOKS = 8;

/** What is known of the steps of a root: so many are to be measured; so many are to go through the run queue. */
export class Steps {
  toMeasure: number = FIRST;
  toQueue = 0;
  /** How much long ones have counted lately. */
  long = 0;
  /** @returns whether the next is to go through the run queue */
  goesThroughQueue(): boolean { return this.toQueue > 0 && this.toQueue-- > 0; }
}

export class StepWatch {
  #at = 0;
  #looks = 0;
  readonly #now: () => number;

  constructor(now: () => number = sharedNow) { this.#now = now; }

  /** The clock is looked at anyway, before a step. */
  look(steps: Steps): void { if (++this.#looks % LOOKS === 0 && steps.toMeasure === 0) steps.toMeasure = 1; }
  begin(steps: Steps): void {
    if (steps.toMeasure === 0) return;
    steps.toMeasure--;
    this.#at = this.#now();
  }
  end(steps: Steps): void {
    if (this.#at === 0) return;
    const isLong = this.#now() - this.#at > LONG_MS;
    this.#at = 0;
    steps.long = Math.max(0, isLong ? Math.min(HABIT, steps.long + WEIGHT) : steps.long - 1);
    if (!isLong) return;
    steps.toMeasure = Math.max(WEIGHT, steps.toMeasure);
    if (steps.long >= HABIT) steps.toQueue = LONG_RUN;
  }
}
