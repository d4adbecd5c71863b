/**
 * Room for what threads are about to take of a resource that has a limit: heap, external memory, descriptors, bytes in flight. Before a thread begins,
 * or passes an edge that usually takes some, the last reading and all that was promised since must leave room for it:
 *
 *   reading + sum of expected + 2 * sqrt(sum of variances) <= mark * limit
 *
 * The spread is pooled, for the sum of n unsure amounts is less unsure than n times one: reserving mean + sd each would leave half of the resource
 * unused. Who finds no room waits at its node, before it takes, the oldest first; one may always go on, so that somebody gets to the end and gives back.
 * A promise counts until the reading after it was kept. Sums are of whole KiB, so they are exact and return to zero. Pure: no clock.
 */
import type { Moments } from './moments.ts';

const KIB = 1024;
/** Standard deviations of the pooled forecast that are kept free. */
const DEVIATIONS = 2;
/** A thread that takes less than this part of the limit is never held. */
const MINOR = 1e-4;
/** Part of the limit that may be used, unless the conductor says less. */
const MARK = 0.85;

/** What was promised to one thread. */
export interface Reservation { readonly kib: number; readonly variance: number; isKept: boolean }

const wholeOf = (value: number): number => (value > 0 && Number.isFinite(value) ? Math.round(value) : 0);

export class ResourceGate<T> {
  /** Bytes, or a count times 1024. */
  limit: number;
  /** Part of the limit that may be used. */
  mark: number = MARK;
  /** Threads that hold, or were promised, some. */
  inside = 0;
  #reading = 0;
  #promised = 0;
  #variance = 0;
  #keptPromised = 0;
  #keptVariance = 0;
  readonly #held: { readonly thread: T; readonly growth: Moments }[] = [];

  constructor(limit: number) { this.limit = limit; }

  /** Sum of what is promised and not yet in a reading, KiB. */
  get promisedKib(): number { return this.#promised; }
  /** Whether an amount matters at all. */
  isMinor(growth: Moments): boolean { return growth.mean < MINOR * this.limit; }

  /** @param mark  part of the limit that may be used */
  hasRoom(growth: Moments, mark: number = this.mark): boolean {
    if (this.inside === 0 || this.isMinor(growth)) return true;
    const spread = DEVIATIONS * Math.sqrt(this.#variance + wholeOf(growth.variance / KIB / KIB));
    return this.#reading + this.#promised + wholeOf(growth.mean / KIB) + spread <= mark * this.limit / KIB;
  }

  /** Promises an amount. The caller counts the thread in `inside` when it is its first. */
  reserve(growth: Moments): Reservation {
    const reservation = { kib: wholeOf(growth.mean / KIB), variance: wholeOf(growth.variance / KIB / KIB), isKept: false };
    this.#promised += reservation.kib;
    this.#variance += reservation.variance;
    return reservation;
  }

  /** The thread has taken what it was promised, or has ended: from the next reading on the promise counts no more. May be called twice. */
  keep(reservation: Reservation): void {
    if (reservation.isKept) return;
    reservation.isKept = true;
    this.#keptPromised += reservation.kib;
    this.#keptVariance += reservation.variance;
  }

  /** A new reading, bytes. One that is no number is ignored. */
  read(used: number): void {
    if (!(used >= 0)) return;
    this.#reading = used / KIB;
    this.#promised -= this.#keptPromised;
    this.#variance -= this.#keptVariance;
    this.#keptPromised = this.#keptVariance = 0;
  }

  /** A thread waits before an edge that takes `growth`. */
  hold(thread: T, growth: Moments): void { this.#held.push({ thread, growth }); }

  /** The thread that has waited longest among those for which there is room now; when all that are inside wait, the oldest. */
  release(): T | undefined {
    const isStuck = this.#held.length > 0 && this.#held.length >= this.inside;
    const at = isStuck ? 0 : this.#held.findIndex(({ growth }) => this.hasRoom(growth));
    return at < 0 ? undefined : this.#held.splice(at, 1)[0]?.thread;
  }

  /** A thread that is held is to end at its wait. @returns whether it was held here */
  forget(thread: T): boolean {
    const at = this.#held.findIndex((one) => one.thread === thread);
    if (at >= 0) this.#held.splice(at, 1);
    return at >= 0;
  }
}
