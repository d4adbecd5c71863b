/**
 * Stride scheduling: who has had least for its tickets runs next. Pure: no clock, no queue.
 * Source: Waldspurger and Weihl, Stride Scheduling, MIT/LCS/TM-528, 1995; charged by measured time instead of per quantum, since our turns
 * differ in length.
 */

/** Pass units that one millisecond costs a client with one ticket. */
const STRIDE_1 = 1 << 20;

/** One client: a root, or a node of a root. `tickets` ≥ 1. `pass` in stride units. */
export interface Share { tickets: number; pass: number }

/**
 * Charges a client for time it has used. Exact while pass < 2^53: at one ticket 99 days of full use; `rebase` comes first.
 * @param usedMs  milliseconds, 0 or more
 */
export function charge(share: Share, usedMs: number): void { share.pass += usedMs * STRIDE_1 / share.tickets; }

/** A client that was idle joins at the present pass: what it did not use is not saved up, what it owes stays owed. */
export function join(share: Share, globalPass: number): void { if (share.pass < globalPass) share.pass = globalPass; }

/** The client with least pass; ties go to the first. O(n): clients are few (roots and nodes are bounded), and a batch is drawn a pick. */
export function least<S extends Share>(shares: readonly S[]): S | undefined {
  let best: S | undefined;
  for (const share of shares) if (best === undefined || share.pass < best.pass) best = share;
  return best;
}
