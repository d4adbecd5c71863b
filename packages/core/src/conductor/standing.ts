/**
 * Whether a queue stands or has a burst to work off: by the part of the time in which somebody waited in it, lately. In a burst, and behind one long
 * request, it was empty a moment ago; under overload it is hardly ever empty. To ask for how long it was without a break says less: the shorter a queue is
 * kept, the more often it is empty for an instant. Pure; allocates nothing.
 */

/**
 * How far back it looks: what is older than this counts for a third, ms. CoDel looks at its queue for a tenth of a second (Nichols and Jacobson, Controlling
 * queue delay, 2012); on a busy machine two hundred requests that come at once take longer to arrive, and are a burst.
 */
const SPAN_MS = 300;
/** And no less than so many times what one takes: behind two that take long somebody waits for a while, and that is no overload. */
const SPAN_OWN = 4;
/** It stands from this part on, and until it is below the other: who is refused meanwhile keeps it shorter than what comes would. */
const STANDS = 0.75;
const PASSES = 0.3;

export class Standing {
  #part = 0;
  #atMs = -Infinity;
  #isWaitedFor = false;
  #stands = false;

  /**
   * From now on somebody waits in it, or nobody. @param ownMs  what one takes; @param hasBeen  false: whoever waited has gone, nobody has told when, so since
   * the last note it counts as empty
   */
  note(nowMs: number, isWaitedFor: boolean, ownMs: number = 0, hasBeen: boolean = true): void {
    const before = Math.exp(Math.min(0, this.#atMs - nowMs) / Math.max(SPAN_MS, SPAN_OWN * ownMs));
    this.#part = this.#isWaitedFor && hasBeen ? 1 - (1 - this.#part) * before : this.#part * before;
    this.#atMs = nowMs;
    this.#isWaitedFor = isWaitedFor;
    this.#stands = this.#part > (this.#stands ? PASSES : STANDS);
  }
  /** As of the last note. */
  get stands(): boolean { return this.#stands; }
}
