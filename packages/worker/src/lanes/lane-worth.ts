/**
 * Whether lanes are worth their price to one front. They protect what is short from what is long. Where hardly a request is short they protect nobody, and cost
 * a tenth to a third of what the machine can do: a pass each way, isolates whose code gets warm more slowly, the kernel's turns between threads of two
 * priorities. Then what is long runs in front too, if the others hardly notice; and what is longer goes to lanes as ever.
 *
 * Every request that begins is told, and what segments take is known to the clock. Reads no clock itself.
 */
import type { LaneClock, RootLane } from './lane-clock.ts';

/** Requests after which it is known who comes. Until then lanes protect, but where more wait than run: to start lanes is what would keep them waiting. */
const KNOWN = 96;
/** Weight of one request in the share of short ones. Below the first share lanes protect nobody, above the second they do again. */
const WEIGHT = 1 / 48;
const NOBODY = 0.01;
const SOMEBODY = 0.04;
/**
 * Root mean square of a root's segments up to which it may run in front, and up to which it goes on to, ms. Who comes at any moment waits for half of the
 * mean square over the mean: so one of 400 ms in a hundred of 4 counts as it should.
 */
const KEPT_MS = 40;
const KEPT_MS_MAX = 56;

export class LaneWorth {
  readonly #clock: LaneClock;
  #begun = 0;
  #short = 0;
  #isSomebodyShort = false;

  constructor(clock: LaneClock) { this.#clock = clock; }

  /** A request begins of which it is known whether it is short: its root has been measured, and is none that goes to lanes. */
  begins(isShort: boolean): void {
    this.#begun++;
    this.#short += ((isShort ? 1 : 0) - this.#short) * Math.max(WEIGHT, 1 / this.#begun);
    this.#isSomebodyShort = this.#short > (this.#isSomebodyShort ? NOBODY : SOMEBODY);
  }

  /** Whether a root that goes to lanes runs here all the same. What somebody has put on one does not. @param anyWaits  for its turn here */
  keeps(root: RootLane, anyWaits: () => boolean): boolean {
    const limitMs = root.isKept ? KEPT_MS_MAX : KEPT_MS;
    const keeps = !this.#isSomebodyShort && (this.#begun >= KNOWN || anyWaits()) && root.meanSquare <= limitMs * limitMs && this.#clock.verdictOf(root).by !== 'hand';
    if (keeps !== root.isKept) this.#clock.keep(root, keeps);
    return keeps;
  }
}
