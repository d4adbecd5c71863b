/**
 * Whether a root belongs on a back lane, by the processor time of its segments. Pure: a verdict is one word of 32 bits, so that all lanes share it
 * (shared/lanes.ts), and every change is a function from word to word.
 *
 *   bits 0–7 the last eight measured segments, 1 for a long one · 8–19 short ones in a row · 20–22 strikes · 23 back · 24–25 by hand · 26 pinned
 *
 * Front to back: one segment that is plainly long, or two long ones of the last eight. Back to front: RETURN_RUN short ones in a row, and twice as many
 * each time that it has come back before, so a root that is long now and then does not go to and fro. Between SHORT_MS and LONG_MS it stays where it is.
 * Processor time and not wall time decides: a light root that was preempted, or waited behind others, was sent to the back by the clock on the wall and
 * kept there, where everything takes longer.
 */

/** A longer segment delays the others of its event loop more than the pass to another lane costs by far: 30 to 80 us at work, 400 where all sleep between requests; ms. */
export const LONG_MS = 2;
/** At most this long are the segments of a root that comes back, ms. */
const SHORT_MS = 1;
/** One such segment is proof enough, ms. */
export const PLAIN_MS = 6;
const LONG_OF_EIGHT = 2;
/** Of a route that renders documents, where seven in ten are short, sixteen came in a row each second, and the next long one ran in front. */
export const RETURN_RUN = 64;
const STRIKES_MAX = 5;
const STRIKES_MASK = 7;

const HISTORY = 0xff;
const RUN_SHIFT = 8;
const RUN_MAX = 0xfff;
const STRIKES_SHIFT = 20;
const BACK = 1 << 23;
const HAND_SHIFT = 24;
const HAND_MASK = 3 << HAND_SHIFT;
const PINNED = 1 << 26;

export type Hand = 'auto' | 'front' | 'back';
const hands: readonly Hand[] = ['auto', 'front', 'back'];

/** What is known of a root, for people. */
export interface Verdict {
  readonly lane: 'front' | 'back';
  /** Who says so: the user's option, what was measured, or that its requests cannot be moved. */
  readonly by: 'hand' | 'measured' | 'pinned';
  /** Long segments among the last eight that were measured. */
  readonly long: number;
  /** How often it has come back to the front. */
  readonly returns: number;
}

const handOf = (word: number): Hand => hands[(word & HAND_MASK) >> HAND_SHIFT] as Hand;
export const withHand = (word: number, hand: Hand): number => (word & ~HAND_MASK) | (hands.indexOf(hand) << HAND_SHIFT);
/** Its requests cannot be moved: it stays in front whatever is measured; a user's own `back` still goes before. */
export const pinned = (word: number): number => word | PINNED;

/** Whether the root's work goes to a back lane. */
export function isBack(word: number): boolean {
  const hand = word & HAND_MASK;
  return hand === 0 ? (word & (BACK | PINNED)) === BACK : hand === 2 << HAND_SHIFT;
}

/** Nothing long has been seen of it lately: it needs no sample to say that it is short. */
export const isClean = (word: number): boolean => (word & (HISTORY | BACK)) === 0;

/** Long ago something was long: that is no part of what is seen now. */
export const forgetful = (word: number): number => word & ~HISTORY;

/** The verdict after a segment that took so much processor time. */
export function afterSegment(word: number, cpuMs: number): number {
  return (word & BACK) === 0 ? afterInFront(word, cpuMs) : afterInBack(word, cpuMs);
}

function afterInFront(word: number, cpuMs: number): number {
  const isLong = cpuMs > LONG_MS;
  const history = ((word << 1) | (isLong ? 1 : 0)) & HISTORY;
  const leaves = cpuMs >= PLAIN_MS || (isLong && ones(history) >= LONG_OF_EIGHT);
  return (word & ~HISTORY & ~(RUN_MAX << RUN_SHIFT)) | history | (leaves ? BACK : 0);
}

function afterInBack(word: number, cpuMs: number): number {
  const isShort = cpuMs < SHORT_MS;
  const run = isShort ? Math.min(((word >> RUN_SHIFT) & RUN_MAX) + 1, RUN_MAX) : 0;
  const history = ((word << 1) | (cpuMs > LONG_MS ? 1 : 0)) & HISTORY;
  const strikes = (word >> STRIKES_SHIFT) & STRIKES_MASK;
  if (run >= RETURN_RUN << strikes) return (word & (HAND_MASK | PINNED)) | (Math.min(strikes + 1, STRIKES_MAX) << STRIKES_SHIFT);
  return (word & ~HISTORY & ~(RUN_MAX << RUN_SHIFT)) | history | (run << RUN_SHIFT);
}

const ones = (byte: number): number => {
  let count = 0;
  for (let left = byte; left !== 0; left &= left - 1) count++;
  return count;
};

export function describeVerdict(word: number): Verdict {
  const hand = handOf(word);
  const by = hand !== 'auto' ? 'hand' : (word & PINNED) !== 0 ? 'pinned' : 'measured';
  return { lane: isBack(word) ? 'back' : 'front', by, long: ones(word & HISTORY), returns: (word >> STRIKES_SHIFT) & STRIKES_MASK };
}
