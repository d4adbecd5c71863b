/** How fast what waits is taken up, per millisecond: what a queue's length is divided by to tell its wait. Pure. */

const SMOOTHING = 0.3;

/** What one period has shown of a queue. */
export interface Drained {
  readonly count: number;
  readonly ms: number;
  /** Something waited at its beginning and at its end: more would have been taken up if more could be. */
  readonly isBacklogged: boolean;
  /** What its share of the processors would take up. */
  readonly fairPerMs: number;
}

/**
 * The smoothed rate after a period. Where something waits, it is what was taken up. Where nothing does, that only says how little came: then it is at
 * least what the root's share could take up, so that a burst after a quiet hour is not refused for the quiet.
 */
export function drainRate(rate: number, { count, ms, isBacklogged, fairPerMs }: Drained): number {
  if (!(ms > 0) || !(count >= 0)) return rate;
  const fresh = count / ms;
  const wanted = isBacklogged ? fresh : Math.max(fresh, rate, Number.isFinite(fairPerMs) ? fairPerMs : 0);
  return rate === 0 ? wanted : rate + (wanted - rate) * SMOOTHING;
}
