/** Cells that an empty queue keeps. */
const KEPT_MAX = 4096;

/** A queue that grows by doubling: push and shift at the ends in O(1), nothing allocated in between. Source: the ring buffer of any textbook. */
export class Deque<T> {
  #cells: (T | undefined)[] = Array.from({ length: 16 });
  #head = 0;
  #length = 0;

  get length(): number { return this.#length; }

  push(item: T): void {
    if (this.#length === this.#cells.length) this.#grow();
    this.#cells[(this.#head + this.#length++) & (this.#cells.length - 1)] = item;
  }

  /** The oldest. */
  get first(): T | undefined { return this.#length === 0 ? undefined : this.#cells[this.#head]; }

  /** The newest. */
  get last(): T | undefined { return this.#length === 0 ? undefined : this.#cells[(this.#head + this.#length - 1) & (this.#cells.length - 1)]; }

  /** Takes the oldest. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#cells[this.#head];
    this.#cells[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#cells.length - 1);
    if (--this.#length === 0 && this.#cells.length > KEPT_MAX) this.#shrink();
    return item;
  }

  /** Takes the newest. */
  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    const at = (this.#head + --this.#length) & (this.#cells.length - 1);
    const item = this.#cells[at];
    this.#cells[at] = undefined;
    return item;
  }

  /** Puts back in front of the oldest. */
  unshift(item: T): void {
    if (this.#length === this.#cells.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#cells.length - 1);
    this.#cells[this.#head] = item;
    this.#length++;
  }

  /** Empty after a burst: the memory is given back. */
  #shrink(): void {
    this.#cells = Array.from({ length: 16 });
    this.#head = 0;
  }

  #grow(): void {
    const cells: (T | undefined)[] = Array.from({ length: this.#cells.length * 2 });
    for (let k = 0; k < this.#length; k++) cells[k] = this.#cells[(this.#head + k) & (this.#cells.length - 1)];
    this.#cells = cells;
    this.#head = 0;
  }
}
