/**
 * Claim ring: hints (slot indices) to READY work. One producer, any number of takers, first in, first out.
 *
 *   State       cells[top mod size … bottom mod size) hold hints; top ≤ bottom, both only grow, modulo 2^32.
 *   Invariants  R1 a READY slot has a live hint in its producer's ring (or in the producer's private overflow): takers claim the slot
 *                  first and move top after, so whoever dies between leaves top behind the hint, never before it.
 *               R2 cells in [top, top + size) are written only when bottom - top < size, judged by a top that can only be too old.
 *               R3 a hint may be stale or doubled: the slot's state decides.
 *   Ordering    cell (plain) before bottom (Atomics.store); a taker loads bottom and then reads cells below it. A taker that read an old
 *               top may read a cell that is being overwritten: it then meets a hint of a later lap or an earlier one, both hints (R3),
 *               and its CAS on top fails. That race on a cell is the only one: a hint needs no order, its slot's state word has it.
 *   Hazards     top is 32 bits: a taker asleep for exactly 2^32 hints could step over hints; at 10 million a second seven minutes in
 *               one call of take, which does not sleep.
 *   Crash       producer: a cell without its bottom is not seen; the slot is READY without a hint only if its producer is dead, and
 *               then recovery withdraws it. Taker: R1.
 *   Proof       R1 → model/ring "ring: a taker killed at any step loses no task"; R2 → model/ring "ring: a full ring refuses, and overflow waits for room";
 *               R3 → model/ring "ring: reuse under stale hints"; Ordering → stress/structures "ring: every task once".
 *   Source      the shared half of Chase and Lev's deque (SPAA 2005) with claims moved into the slots; the owner never pops at the
 *               bottom, for with claim-first takers a stale bottom steps over a new hint.
 */
import { BOTTOM, LINE, PUBLISHED, TOP, controlOf, regionOf } from './layout.ts';
import type { Memory } from './memory.ts';
import { claim } from './slot.ts';

/** The producer's end of one ring. Hints become visible at `publish`. */
export class ClaimRing {
  readonly #words: Int32Array;
  readonly #cells: number;
  readonly #mask: number;
  readonly #topAt: number;
  readonly #bottomAt: number;
  #bottom: number;
  #published: number;
  #topSeen: number;

  constructor(memory: Memory, id: number, ring: number) {
    const { layout, words } = memory;
    const control = controlOf(layout, id);
    this.#words = words;
    this.#cells = cellsOf(memory, id, ring);
    this.#mask = layout.slotCount - 1;
    this.#topAt = control + TOP + ring * LINE;
    this.#bottomAt = control + BOTTOM + ring;
    this.#bottom = this.#published = Atomics.load(words, this.#bottomAt);   // a number that passed to a new worker goes on where it was
    this.#topSeen = Atomics.load(words, this.#topAt);
  }

  /** Writes a hint; false when the ring is full: the caller keeps it and tries again after takers have moved on. */
  push(slot: number): boolean {
    if (((this.#bottom - this.#topSeen) | 0) > this.#mask) {
      this.#topSeen = Atomics.load(this.#words, this.#topAt);
      if (((this.#bottom - this.#topSeen) | 0) > this.#mask) return false;
    }
    this.#words[this.#cells + (this.#bottom & this.#mask)] = slot;      // plain: see Ordering
    this.#bottom = (this.#bottom + 1) | 0;
    return true;
  }

  /** Makes the pushed hints visible. @returns how many are new */
  publish(): number {
    const fresh = (this.#bottom - this.#published) | 0;
    if (fresh !== 0) {
      this.#published = this.#bottom;
      Atomics.store(this.#words, this.#bottomAt, this.#bottom);
    }
    return fresh;
  }

  /** Hints that no taker has passed yet, stale ones included. */
  visible(): number {
    this.#topSeen = Atomics.load(this.#words, this.#topAt);
    return (this.#published - this.#topSeen) | 0;
  }
}

const cellsOf = ({ layout }: Memory, id: number, ring: number): number => regionOf(layout, id) + layout.ringsAt + ring * layout.slotCount;

/** What `take` filled in: slots and the state words of their claims. */
export interface Claims { count: number; readonly slots: Int32Array; readonly claimed: Int32Array }
export const makeClaims = (max: number): Claims => ({ count: 0, slots: new Int32Array(max), claimed: new Int32Array(max) });

/**
 * Claims up to `max` tasks of one ring of `victim` into `out`. Several loads, a CAS a task and one for the ring; allocates nothing.
 * @returns hints passed: 0 when the ring is empty; above `out.count` when some were stale
 */
export function take(memory: Memory, victim: number, ring: number, me: number, max: number, out: Claims): number {
  const { words, layout } = memory;
  const control = controlOf(layout, victim);
  const topAt = control + TOP + ring * LINE;
  const top = Atomics.load(words, topAt);
  const waiting = (Atomics.load(words, control + BOTTOM + ring) - top) | 0;
  out.count = 0;
  if (waiting <= 0) return 0;
  const hints = waiting < max ? waiting : max;
  const cells = cellsOf(memory, victim, ring);
  for (let k = 0; k < hints; k++) {
    const slot = words[cells + ((top + k) & (layout.slotCount - 1))] as number;   // plain: see Ordering
    const claimed = slot === 0 ? 0 : claim(words, slot, me);
    if (claimed === 0) continue;
    out.slots[out.count] = slot;
    out.claimed[out.count++] = claimed;
  }
  Atomics.compareExchange(words, topAt, top, (top + hints) | 0);        // a failure: another taker moved it past some of ours (R1)
  return hints;
}

/** Hints of one ring that no taker has passed. */
export function waiting(memory: Memory, victim: number, ring: number): number {
  const control = controlOf(memory.layout, victim);
  return (Atomics.load(memory.words, control + BOTTOM + ring) - Atomics.load(memory.words, control + TOP + ring * LINE)) | 0;
}

/** The slot behind the next hint, to see which root it is of: a guess, for it may be taken meanwhile. 0 when the ring is empty. */
export function peek(memory: Memory, victim: number, ring: number): number {
  const { words, layout } = memory;
  const control = controlOf(layout, victim);
  const top = Atomics.load(words, control + TOP + ring * LINE);
  if (((Atomics.load(words, control + BOTTOM + ring) - top) | 0) <= 0) return 0;
  return words[cellsOf(memory, victim, ring) + (top & (layout.slotCount - 1))] as number;
}

/** The rings of one participant, with the word that counts what was ever published in any of them. */
export class ClaimRings {
  readonly #words: Int32Array;
  readonly #publishedAt: number;
  readonly #rings: ClaimRing[];
  readonly #overflow: number[][];
  #dirty = 0;
  #overflowing = 0;
  #published: number;
  /** The rings of which the last `publish` made hints visible, a bit each. */
  fresh = 0;

  constructor(memory: Memory, id: number) {
    this.#words = memory.words;
    this.#publishedAt = controlOf(memory.layout, id) + PUBLISHED;
    this.#published = Atomics.load(memory.words, this.#publishedAt);
    this.#rings = Array.from({ length: memory.layout.ringCount }, (_, ring) => new ClaimRing(memory, id, ring));
    this.#overflow = this.#rings.map(() => []);
  }

  /** Adds a hint for a READY slot. Hints that a full ring refuses wait here, privately, for a later `publish`. */
  push(ring: number, slot: number): void {
    const waiting = this.#overflow[ring] as number[];
    if (waiting.length > 0 || !(this.#rings[ring] as ClaimRing).push(slot)) {
      waiting.push(slot);
      this.#overflowing |= 1 << ring;
    }
    this.#dirty |= 1 << ring;
  }

  /** Makes all pushed hints visible. @returns true when there were new ones: look for sleepers then */
  publish(): boolean {
    if (this.#overflowing !== 0) this.#refill();
    if (this.#dirty === 0) return false;
    let count = 0;
    this.fresh = 0;
    for (let dirty = this.#dirty; dirty !== 0; dirty &= dirty - 1) {
      const news = (this.#rings[31 - Math.clz32(dirty & -dirty)] as ClaimRing).publish();
      if (news === 0) continue;
      count += news;
      this.fresh |= dirty & -dirty;
    }
    this.#dirty = 0;
    if (count === 0) return false;
    this.#published = (this.#published + count) | 0;
    Atomics.store(this.#words, this.#publishedAt, this.#published);
    return true;
  }

  #refill(): void {
    for (let left = this.#overflowing; left !== 0; left &= left - 1) {
      const ring = 31 - Math.clz32(left & -left);
      const waiting = this.#overflow[ring] as number[];
      let moved = 0;
      while (moved < waiting.length && (this.#rings[ring] as ClaimRing).push(waiting[moved] as number)) moved++;
      if (moved > 0) { waiting.splice(0, moved); this.#dirty |= 1 << ring; }
      if (waiting.length === 0) this.#overflowing &= ~(1 << ring);
    }
  }

  /** True while hints wait for room: `publish` must be called again. */
  get isOverflowing(): boolean { return this.#overflowing !== 0; }
  /** Hints of all rings that no taker has passed yet. */
  visible(): number {
    let sum = 0;
    for (const ring of this.#rings) sum += ring.visible();
    return sum;
  }
}

/** What `victim` has published so far; unchanged since a look that found nothing means that there is still nothing. */
export const publishedCount = ({ words, layout }: Memory, victim: number): number => Atomics.load(words, controlOf(layout, victim) + PUBLISHED);
