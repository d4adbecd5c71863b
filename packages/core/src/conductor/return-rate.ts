/** How fast what was sent out comes back, and so how long more of it would be away: by Little's law, as many over the rate as are out. Pure. */
import { drain, noDrain, perMsOf, type Drain } from './drain-rates.ts';

/** How often the rate is taken, ms: when somebody asks. A longer period was not one of waiting throughout. */
const PERIOD_MS = 50;
const PERIOD_MS_MAX = 200;

export class ReturnRate {
  #drain: Drain = noDrain;
  #atMs: number;
  #endedBefore = 0;
  #outBefore = 0;

  constructor(nowMs: number) { this.#atMs = nowMs; }

  get perMs(): number { return perMsOf(this.#drain); }

  /** @param ended  how many have come back since the beginning; @param out  how many have not */
  look(nowMs: number, ended: number, out: number): void {
    const ms = nowMs - this.#atMs;
    if (ms < PERIOD_MS) return;
    this.#drain = drain(this.#drain, { count: ended - this.#endedBefore, ms, isBacklogged: out > 0 && this.#outBefore > 0 && ms <= PERIOD_MS_MAX, fairPerMs: 0 });
    this.#outBefore = out;
    this.#endedBefore = ended;
    this.#atMs = nowMs;
  }

  /** Until so many have come back; 0 while nothing is known. */
  waitMs(count: number): number { return this.perMs > 0 ? count / this.perMs : 0; }
}
