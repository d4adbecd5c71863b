/**
 * How fast what waits is taken up: what a queue's length is divided by to tell its wait. Kept as what was taken up in which time, both fading: so a rate is
 * believed by what it was seen in. Of a route that is taken up five times a second, 50 ms show none or twenty a second, and a smoothed rate of such periods
 * is a rate of dice. Pure.
 */

/** What fades from one period to the next keeps so much of itself, at least. */
const KEPT = 0.7;
/** It fades while it is more than so many, or of so long, ms. */
const TELLING = 6;
const TELLING_MS = 2000;
/** So many more in a period than were expected, and twice as many, are no chance: what was before says little. */
const SURPRISE = 4;
const KEPT_SURPRISED = 0.3;
/** Part of the way to a rate that is possible, and was not seen, in a period in which nothing waited. */
const HOPE = 0.3;

export interface Drain { readonly taken: number; readonly ms: number }
export const noDrain: Drain = { taken: 0, ms: 0 };

/** A guess: no more than one that was taken up at that rate. */
const guess = (perMs: number): Drain => (perMs > 0 && Number.isFinite(perMs) ? { taken: 1, ms: 1 / perMs } : noDrain);

/** Taken up per millisecond; 0: nothing is known. */
export const perMsOf = ({ taken, ms }: Drain): number => (ms > 0 ? taken / ms : 0);

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
 * What is known after a period. Where something waits, what was taken up is counted in. Where nothing does, that only says how little came: then the rate is at
 * least what the root's share could take up, so that a burst after a quiet hour is not refused for the quiet; and what follows soon corrects a guess.
 */
export function drain(before: Drain, { count, ms, isBacklogged, fairPerMs }: Drained): Drain {
  if (!(ms > 0) || !(count >= 0)) return before;
  const known = before.ms > 0 ? before : guess(fairPerMs);
  const rate = perMsOf(known);
  if (isBacklogged) {
    const isSurprising = count > SURPRISE + 2 * rate * ms;
    const kept = isSurprising ? KEPT_SURPRISED : Math.min(1, Math.max(KEPT, TELLING / known.taken), TELLING_MS / known.ms);
    return { taken: kept * known.taken + count, ms: kept * known.ms + ms };
  }
  const possible = Math.max(count / ms, Number.isFinite(fairPerMs) ? fairPerMs : 0);
  if (possible <= rate) return known;
  const taken = Math.max(1, KEPT * known.taken);
  return { taken, ms: taken / (rate === 0 ? possible : rate + (possible - rate) * HOPE) };
}
