/**
 * The way to a downstream node: at most a window of threads are there at a time, the others wait before it. The conductor finds the window (windows.ts
 * there); here it is obeyed and what happens is counted, for the conductor to read. Who goes next is by stride over roots, by their tickets, the oldest
 * of a root first: so a flooded root does not stand before the others here either. The window is one for all workers, so what is in use is counted by
 * credits that they share. Pure but for the credits; no clock.
 */
import { Deque } from './deque.ts';
import { PassHeap, type Seat } from './pass-heap.ts';
import { charge, join } from './stride.ts';

/** What is in use of a window, counted for all workers together. */
export interface Credits {
  /** Takes one unless `window` are in use. */
  take(window: number): boolean;
  give(): void;
}

/** Credits of one isolate alone. */
export class LocalCredits implements Credits {
  inUse = 0;
  take(window: number): boolean {
    if (this.inUse >= Math.max(1, Math.floor(window))) return false;
    this.inUse++;
    return true;
  }
  give(): void { this.inUse--; }
}

interface Line<T> extends Seat { readonly threads: Deque<T> }

export class WindowGate<T> {
  /** Threads that may be there at a time, 1 or more; a fraction is rounded down. */
  window: number;
  /** How often a thread had to wait; how many have come back. Only ever more. */
  waits = 0;
  done = 0;
  waitingCount = 0;
  readonly #credits: Credits;
  readonly #lines = new Map<string, Line<T>>();
  readonly #heap = new PassHeap<Line<T>>();
  #pass = 0;

  constructor(window: number, credits: Credits) {
    this.window = window;
    this.#credits = credits;
  }

  /** A thread of a root wants to go there. @returns false when it has to wait; `next` will give it back */
  enter(thread: T, root: { readonly name: string; readonly tickets: number }): boolean {
    if (this.waitingCount === 0 && this.#credits.take(this.window)) return true;
    let line = this.#lines.get(root.name);
    if (line === undefined) this.#lines.set(root.name, line = { tickets: 1, pass: 0, seat: -1, order: 0, threads: new Deque() });
    line.tickets = root.tickets;
    if (line.threads.length === 0) { join(line, this.#pass); this.#heap.push(line); }
    line.threads.push(thread);
    this.waitingCount++;
    this.waits++;
    return false;
  }

  /** One has come back. Who waits is then to be let in by `next`. */
  leave(): void {
    this.done++;
    this.#credits.give();
  }

  /** The thread whose turn it is, if the window has room: it has entered. One that gave up meanwhile must `giveBack`. */
  next(): T | undefined {
    const line = this.#heap.top;
    if (line === undefined || !this.#credits.take(this.window)) return undefined;
    const thread = line.threads.shift();
    this.#pass = line.pass;
    this.waitingCount--;
    charge(line, 1);
    if (line.threads.length === 0) this.#heap.remove(line);
    else this.#heap.sink(line);
    return thread;
  }

  /** Who was let in does not go. */
  giveBack(): void { this.#credits.give(); }

  /** Threads of a root that wait, and its share of those that are let in, by tickets among the roots that wait. */
  standingOf({ name, tickets }: { readonly name: string; readonly tickets: number }): { waiting: number; share: number } {
    const line = this.#lines.get(name);
    let all = line === undefined || line.seat < 0 ? tickets : 0;
    for (const { tickets: theirs } of this.#heap.items) all += theirs;
    return { waiting: line?.threads.length ?? 0, share: tickets / all };
  }
}
