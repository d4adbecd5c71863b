/** What will happen, by time; at equal times in the order in which it was said. A binary heap. */

interface Event { readonly at: number; readonly order: number; readonly happen: () => void }

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Events {
  readonly #heap: Event[] = [];
  #orders = 0;
  now = 0;

  /** @param after  ms from now */
  after(after: number, happen: () => void): void {
    const event = { at: this.now + after, order: this.#orders++, happen };
    const heap = this.#heap;
    let k = heap.length;
    heap.push(event);
    while (k > 0) {
      const parent = (k - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[k] = heap[parent] as Event;
      k = parent;
    }
    heap[k] = event;
  }

  /** Lets everything happen up to a time. */
  runUntil(end: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#removeFirst();
      this.now = first.at;
      first.happen();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let k = 0;
    for (;;) {
      let child = 2 * k + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[k] = heap[child] as Event;
      k = child;
    }
    heap[k] = last;
  }
}
