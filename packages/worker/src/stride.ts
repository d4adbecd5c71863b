/**
 * Stride scheduling: who has had least for its tickets runs next. Pure: no clock, no queue (pass-heap.ts has the clients in order).
 * Source: Waldspurger and Weihl, Stride Scheduling, MIT/LCS/TM-528, 1995; charged by measured time instead of per quantum, since our turns
 * differ in length.
 */

/** Pass units that one millisecond costs a client with one ticket. */
const STRIDE_1 = 1 << 20;

/** One client: a root, a level of it, or a node. `tickets` > 0. `pass` in stride units. */
export interface Share { tickets: number; pass: number }

/**
 * Charges a client for time it has used. Exact while pass < 2^53: at one ticket 99 days of full use.
 * @param usedMs  milliseconds, 0 or more; what is none (a clock that jumped back, NaN) charges nothing
 */
export function charge(share: Share, usedMs: number): void { if (usedMs > 0) share.pass += usedMs * STRIDE_1 / share.tickets; }

/** What `ms` cost a client with one ticket. */
export const msOfPass = (ms: number): number => ms * STRIDE_1;

/** A client that was idle joins at the present pass: what it did not use is not saved up, what it owes stays owed. */
export function join(share: Share, globalPass: number): void { if (share.pass < globalPass) share.pass = globalPass; }

/** Gives back what was charged in advance and not used; nobody comes before who has been waiting by it. */
export function refund(share: Share, usedMs: number, globalPass: number): void {
  if (usedMs > 0) share.pass = Math.max(share.pass - usedMs * STRIDE_1 / share.tickets, Math.min(share.pass, globalPass));
}

/**
 * When a client has its turn, as a pass: whose pieces are long stands back, so that short ones wait for the piece that runs and hardly for others. What they
 * have had too much they owe: they run ahead of their share by a bounded time, and shares of a second are what tickets say.
 * Source: Duda and Cheriton, Borrowed-virtual-time (BVT) scheduling, SOSP 1999; the warp is learnt instead of given.
 * @param behindMs  processor time
 */
export function due(share: Share, behindMs: number): number { return share.pass + behindMs * STRIDE_1 / share.tickets; }
