/**
 * Clients of stride scheduling that have something to run, least pass first; equals in the order in which they came. A binary heap whose items
 * know their place: O(log n) to come, to go and to be charged, O(1) to look. With one client or two it costs what a look at them costs.
 */
import type { Share } from './stride.ts';

/** A client that can be in one heap. */
export interface Seat extends Share {
  /** Place in the heap, -1 outside; the heap's own. */
  seat: number;
  /** When it came, as a number; the heap's own. */
  order: number;
}

export class PassHeap<S extends Seat> {
  /** In heap order: the first has least pass. Read only. */
  readonly items: S[] = [];
  #orders = 0;

  get top(): S | undefined { return this.items[0]; }

  push(item: S): void {
    item.order = ++this.#orders;
    item.seat = this.items.length;
    this.items.push(item);
    this.#rise(item);
  }

  remove(item: S): void {
    const { seat } = item;
    const last = this.items.pop() as S;
    item.seat = -1;
    if (last === item) return;
    last.seat = seat;
    this.items[seat] = last;
    this.#rise(last);
    this.sink(last);
  }

  /** Its pass has grown. */
  sink(item: S): void {
    const { items } = this;
    for (;;) {
      const { seat } = item;
      let child = items[2 * seat + 1];
      if (child === undefined) return;
      const other = items[2 * seat + 2];
      if (other !== undefined && isBefore(other, child)) child = other;
      if (!isBefore(child, item)) return;
      this.#swap(child, item);
    }
  }

  #rise(item: S): void {
    while (item.seat > 0) {
      const parent = this.items[(item.seat - 1) >> 1] as S;
      if (!isBefore(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  /** `above` takes the place of `below`, which is its parent or its child. */
  #swap(above: S, below: S): void {
    const { seat } = below;
    below.seat = above.seat;
    above.seat = seat;
    this.items[above.seat] = above;
    this.items[below.seat] = below;
  }
}

/** Whose turn is first. */
export const isBefore = (a: Seat, b: Seat): boolean => a.pass < b.pass || (a.pass === b.pass && a.order < b.order);
