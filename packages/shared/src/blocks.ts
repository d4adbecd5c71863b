/**
 * Payload blocks: bytes in size classes, allocated by the participant in whose region they lie, read by others, freed by the owner.
 *
 *   State       a block is free (in the owner's private list), held (the owner knows for whom), or on its way back (RETURNED chain).
 *               The region is cut into 64 KiB spans; a span serves one class (64 B … 32 KiB), or a run of spans serves one large block.
 *   Invariants  B1 all lists are private to the owner: shared memory holds bytes and the RETURNED mailbox, nothing to repair.
 *               B2 a block is pushed to RETURNED once, by the one participant that the slot's word named as its reader.
 *               B3 an argument block is freed by its owner with the slot; a result block comes back through RETURNED, for its owner is the
 *                  claimer and the reader is the spawner.
 *   Ordering    bytes are written before the slot is published or finished, read before the block is returned, and reused after takeAll.
 *   Hazards     a block's first word is the link while it travels back: the reader has read all before.
 *   Crash       owner dead: the region is void once its readers have recovered (recovery.ts waits for them); a new owner starts with
 *               empty lists. Reader dead: the owner frees what it held for that reader (releaseHeldFor), after emptying RETURNED.
 *   Proof       B1, B2 → model/blocks "blocks: a result block comes home once"; B3, Ordering → stress/structures "blocks: checksums";
 *               Crash → model/blocks "blocks: a reader killed at any step", model/recovery "recovery: a spawner killed at any step".
 *   Source      segregated free lists as in every size-class allocator (Wilson et al., Dynamic Storage Allocation, 1995); return to the
 *               owner by a remote list as in mimalloc's and snmalloc's message-passing frees.
 *
 * Rejected: one ring of payload bytes, where one long-lived block stalls everything behind it with the rest free.
 */
import { RETURNED, controlOf, regionOf } from './layout.ts';
import { NIL, push, takeAll } from './mailbox.ts';
import type { Memory } from './memory.ts';

const SPAN_WORDS = 16_384;
const CLASS_MIN_SHIFT = 6;
const CLASS_MAX_SHIFT = 15;
const CLASS_COUNT = CLASS_MAX_SHIFT - CLASS_MIN_SHIFT + 1;
/** Largest block as a share of the region: one value may not take all of it. */
const LARGE_SHARE = 4;

/** Blocks of a class in a span. */
const blocksIn = (size: number): number => SPAN_WORDS >> (size + CLASS_MIN_SHIFT - 2);
const classOf = (byteLength: number): number => byteLength <= 64 ? 0 : 26 - Math.clz32(byteLength - 1);

/** The owner's allocator. Word indices name blocks; 0 is no block. */
export class BlockAllocator {
  readonly #memory: Memory;
  readonly #returnedAt: number;
  readonly #firstSpan: number;
  readonly #spanCount: number;
  /** Of each span: the class it serves + 1, 0 if free, -n if it begins a large block of n spans, LARGE_TAIL inside one. */
  readonly #spans: Int32Array;
  readonly #free: number[][] = Array.from({ length: CLASS_COUNT }, () => []);
  /** Result blocks that others have still to read: block to reader. */
  readonly #held = new Map<number, number>();
  #spansInUse = 0;
  /** Of each span that serves a class: how many of its blocks are free. */
  readonly #freeIn: Int32Array;
  /** Spans that serve a class and whose blocks are all free: what a request that fails can still have. */
  #emptySpans = 0;
  #searchFrom = 0;
  /** Largest value, bytes, that a block can hold. */
  readonly bytesMax: number;

  constructor(memory: Memory, id: number) {
    const { layout } = memory;
    this.#memory = memory;
    this.#returnedAt = controlOf(layout, id) + RETURNED;
    this.#firstSpan = regionOf(layout, id) + layout.payloadAt;
    this.#spanCount = layout.payloadBytes / (SPAN_WORDS * 4);
    this.#spans = new Int32Array(this.#spanCount);
    this.#freeIn = new Int32Array(this.#spanCount);
    this.bytesMax = Math.max(1 << CLASS_MAX_SHIFT, Math.floor(this.#spanCount / LARGE_SHARE) * SPAN_WORDS * 4);
  }

  /**
   * A block of at least `byteLength` bytes, at most `bytesMax`; 0 when the region has no room now. Amortised O(1) up to 32 KiB. What has come home is used
   * again before the region is cut further: it is in a cache still, and pages that nobody has touched cost a fault each.
   */
  allocate(byteLength: number): number {
    const size = byteLength > 1 << CLASS_MAX_SHIFT ? -1 : classOf(byteLength);
    if (size < 0 || (this.#free[size] as number[]).length === 0) this.collect();
    return this.#tryAllocate(byteLength, size) || (this.#reclaim() ? this.#tryAllocate(byteLength, size) : 0);
  }

  /**
   * Gives the spans whose blocks are all free back to every class. O(free blocks of the classes that they served), so only when a request fails,
   * and whenever it can help: a call that waits for a block is tried again when others end, and then the last of them may have freed it.
   */
  #reclaim(): boolean {
    if (this.#emptySpans === 0) return false;
    this.#spansInUse -= this.#emptySpans;
    this.#emptySpans = 0;
    const classes = new Set<number>();
    for (let span = 0; span < this.#spanCount; span++) {
      const size = (this.#spans[span] as number) - 1;
      if (size < 0 || this.#freeIn[span] !== blocksIn(size)) continue;
      this.#spans[span] = 0;
      classes.add(size);
    }
    for (const size of classes) this.#free[size] = (this.#free[size] as number[]).filter((block) => this.#spans[this.#spanOf(block)] === size + 1);
    return true;
  }

  #spanOf(block: number): number { return ((block - this.#firstSpan) / SPAN_WORDS) | 0; }

  #tryAllocate(byteLength: number, size: number): number {
    if (size < 0) return this.#allocateLarge(Math.ceil(byteLength / (SPAN_WORDS * 4)));
    const block = (this.#free[size] as number[]).pop();
    if (block === undefined) return this.#carve(size);
    const span = this.#spanOf(block);
    if (this.#freeIn[span] === blocksIn(size)) this.#emptySpans--;
    (this.#freeIn[span] as number)--;
    return block;
  }

  /** Cuts a free span into blocks of a class. */
  #carve(size: number): number {
    const span = this.#findSpans(1);
    if (span < 0) return 0;
    this.#spans[span] = size + 1;
    this.#spansInUse++;
    const blockWords = 1 << (size + CLASS_MIN_SHIFT - 2);
    const list = this.#free[size] as number[];
    const first = this.#firstSpan + span * SPAN_WORDS;
    for (let at = first + SPAN_WORDS - blockWords; at > first; at -= blockWords) list.push(at);
    this.#freeIn[span] = blocksIn(size) - 1;
    return first;
  }

  #allocateLarge(count: number): number {
    const span = this.#findSpans(count);
    if (span < 0) return 0;
    this.#spans.fill(LARGE_TAIL, span, span + count);
    this.#spans[span] = -count;
    this.#spansInUse += count;
    return this.#firstSpan + span * SPAN_WORDS;
  }

  /** First fit from where the last search ended, or where a large block was freed since. */
  #findSpans(count: number): number {
    for (const [from, to] of [[this.#searchFrom, this.#spanCount], [0, Math.min(this.#searchFrom + count, this.#spanCount)]] as const) {
      let run = 0;
      for (let span = from; span < to; span++) {
        run = this.#spans[span] === 0 ? run + 1 : 0;
        if (run === count) { this.#searchFrom = span + 1; return span - count + 1; }
      }
    }
    return -1;
  }

  /** Frees a block that nobody else reads any more. */
  free(block: number): void {
    const span = this.#spanOf(block);
    const use = this.#spans[span] as number;
    if (use > 0) {
      (this.#free[use - 1] as number[]).push(block);
      if ((this.#freeIn[span] = (this.#freeIn[span] as number) + 1) === blocksIn(use - 1)) this.#emptySpans++;
      return;
    }
    if (use === 0 || use === LARGE_TAIL) throw new Error(`block ${block} is not allocated`);
    this.#spans.fill(0, span, span - use);
    this.#spansInUse += use;
    this.#searchFrom = span;                                             // what was used last is still in the cache: the next large block takes it
  }

  /** Notes that a block goes to `reader` with a result: it comes back through RETURNED, or when the reader dies. */
  hold(block: number, reader: number): void { this.#held.set(block, reader); }

  /** Takes back what readers have returned. @returns true when there was something */
  collect(): boolean {
    let block = takeAll(this.#memory.words, this.#returnedAt, 0);
    const found = block !== NIL;
    while (block !== NIL) {
      const next = this.#memory.words[block] as number;                // plain: the chain is ours since takeAll
      this.#held.delete(block);
      this.free(block);
      block = next;
    }
    return found;
  }

  /** A reader has died and will return nothing more. Called once its thread is joined. */
  releaseHeldFor(reader: number): void {
    this.collect();
    for (const [block, to] of this.#held) if (to === reader) { this.#held.delete(block); this.free(block); }
  }

  /** Bytes in spans that hold at least one block or did once, for stats(). */
  get bytesReserved(): number { return this.#spansInUse * SPAN_WORDS * 4; }
  /** Result blocks that others have still to read. */
  get heldCount(): number { return this.#held.size; }
}

/** Reader: gives a result block back to the participant in whose region it lies. */
export function giveBack({ words, layout }: Memory, owner: number, block: number): void {
  push(words, controlOf(layout, owner) + RETURNED, 0, block, block);
}

const LARGE_TAIL = -(2 ** 31);
