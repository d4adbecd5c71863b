/** The owner's free slots: private, so allocation and release are a push and a pop. Slots never used are not touched: their pages cost nothing. */
import { SLOTS_TOUCHED, SLOT_WORDS, controlOf, regionOf } from './layout.ts';
import type { Memory } from './memory.ts';
import { FREE, free, loadState, stateOf } from './slot.ts';

export class SlotPool {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #touchedAt: number;
  readonly #free: Int32Array;
  #freeCount = 0;
  #touched = 0;
  readonly slotCount: number;

  constructor({ words, layout }: Memory, id: number) {
    this.#words = words;
    this.#first = regionOf(layout, id);
    this.#touchedAt = controlOf(layout, id) + SLOTS_TOUCHED;
    this.slotCount = layout.slotCount;
    this.#free = new Int32Array(layout.slotCount);
  }

  /** A FREE slot that is now the caller's; 0 when all are in use. */
  allocate(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount] as number;
    if (this.#touched === this.slotCount) return 0;
    Atomics.store(this.#words, this.#touchedAt, ++this.#touched);      // before the slot is used: a recovery scans as far as this
    return this.#first + (this.#touched - 1) * SLOT_WORDS;
  }

  /** Ends the life of a slot that is the owner's alone (slot.ts): a new generation, free for the next task. */
  release(slot: number): void {
    free(this.#words, slot);
    this.recycle(slot);
  }

  /** The same for a slot that `cancel` has withdrawn: its state is FREE already. */
  recycle(slot: number): void { this.#free[this.#freeCount++] = slot; }

  /** Dense number of an own slot, 0 … slotCount - 1: index of the owner's private tables. */
  numberOf(slot: number): number { return (slot - this.#first) / SLOT_WORDS; }
  /** The slot of a dense number. */
  slotOf(number: number): number { return this.#first + number * SLOT_WORDS; }
  /** Slots that could still be allocated. */
  get available(): number { return this.#freeCount + this.slotCount - this.#touched; }
  /** Slots ever used: a scan of the owner's slots need not look beyond. */
  get touched(): number { return this.#touched; }
}

/** Slots of a participant that were ever used, as anybody may see it; all that it has where that word cannot be right: nobody is to walk into another's. */
export function slotsTouched({ words, layout }: Memory, id: number): number {
  const touched = Atomics.load(words, controlOf(layout, id) + SLOTS_TOUCHED);
  return touched >= 0 && touched <= layout.slotCount ? touched : layout.slotCount;
}

/** Counts slots of a region that are not FREE, as anybody may see it: 0 when the region is at rest. */
export function slotsInUse(memory: Memory, id: number): number {
  const { words, layout } = memory;
  const first = regionOf(layout, id);
  const touched = slotsTouched(memory, id);
  let count = 0;
  for (let k = 0; k < touched; k++) if (stateOf(loadState(words, first + k * SLOT_WORDS)) !== FREE) count++;
  return count;
}
