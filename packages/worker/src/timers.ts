/**
 * One wheel of timers behind one libuv timer: adding and cancelling cost a list operation, whatever their number.
 * Four levels of 64 slots of 1 ms, 64 ms, 4 s, 262 s; later ones wait on the last level and are sorted in again. Fires in order of time, to the
 * millisecond, never early.
 * Source: Varghese and Lauck, Hashed and Hierarchical Timing Wheels, SOSP 1987.
 */
import { sharedNow } from './clock.ts';
import type { Abandoned, Waitable, Waiter } from './sync/waiting.ts';

const BITS = 6;
const SIZE = 1 << BITS;
const LEVELS = 4;
/** Due time of a timer that is not set. */
export const UNSET = -1;
const SPAN_MAX = 1 << (BITS * LEVELS);
/** Longest that a libuv timer can be set, ms: a later alarm rings once in between. */
const ALARM_MS_MAX = 2 ** 31 - 1;

/** What the wheel holds, by links of its own: a Timer, or a thread that sleeps. */
export interface Timed extends Links {
  /** Tick at which it is due, -1 when it is not set; below that, when it is only noted, for how many ms: -2 less them. */
  due: number;
  fire(): void;
}
/** Neighbours in the circle of a slot. */
interface Links { previous: unknown; next: unknown }

/** One timer, when it is no thread. */
export class Timer implements Timed {
  readonly fire: () => void;
  due: number = UNSET;
  previous: unknown = undefined;
  next: unknown = undefined;
  wheel: TimerWheel | undefined = undefined;
  constructor(fire: () => void) { this.fire = fire; }
  cancel(): void { this.wheel?.cancel(this); }
}

function circle(): Links {
  const head: Links = { previous: undefined, next: undefined };
  head.previous = head.next = head;
  return head;
}
function unlink(one: Links): void {
  (one.previous as Links).next = one.next;
  (one.next as Links).previous = one.previous;
  one.previous = one.next = undefined;
}
function link(head: Links, one: Links): void {
  const last = head.previous as Links;
  one.previous = last;
  one.next = head;
  last.next = head.previous = one;
}

export class TimerWheel implements Waitable {
  readonly what = 'a time';
  readonly #slots: readonly Links[] = Array.from({ length: SIZE * LEVELS }, circle);
  /** Set since the clock was last read, and not sorted in yet. */
  readonly #fresh = circle();
  readonly #clock: () => number;
  readonly #epoch: number;
  #tick = 0;
  #count = 0;
  #alarm: NodeJS.Timeout | undefined;
  /** When the alarm rings: not after the first timer is due, so before it there is nothing to look for. */
  #alarmAt = Infinity;
  #isLazy = false;
  readonly #onFire: () => void;
  readonly #isRef: boolean;

  /** @param onFire  called after timers have fired from the libuv timer; @param isRef  whether a set timer keeps the event loop alive; @param clock  ms */
  constructor(onFire: () => void, isRef: boolean, clock: () => number = sharedNow) {
    this.#onFire = onFire;
    this.#isRef = isRef;
    this.#clock = clock;
    this.#epoch = clock();
  }

  /** While a scheduler's turn lasts, timers are only noted: the clock is read once for all of them, at the end of the batch, when it is read anyway. */
  beLazy(): void { this.#isLazy = true; }
  /** Sorts in what has been noted. Called with the clock just read. `isLast`: the turn ends. */
  settle(nowMs: number, isLast: boolean): void {
    if (isLast) this.#isLazy = false;
    if (this.#fresh.next === this.#fresh) return;
    const now = nowMs - this.#epoch;
    for (let timer = this.#fresh.next as Timed; timer !== this.#fresh as unknown; timer = this.#fresh.next as Timed) {
      unlink(timer);
      this.#place(timer, -2 - timer.due, now);
    }
  }

  /** Sets a timer, or sets it anew. @param ms  0 or more; fires not before that time, at most 1 ms and a turn of the loop after */
  set(timer: Timed, ms: number): void {
    if (timer.due !== UNSET) this.cancel(timer);
    if (timer instanceof Timer) timer.wheel = this;
    if (this.#isLazy) {
      timer.due = -2 - ms;
      link(this.#fresh, timer);
    } else this.#place(timer, ms, this.#now());
  }
  #place(timer: Timed, ms: number, now: number): void {
    if (this.#count++ === 0) this.#tick = Math.max(this.#tick, Math.floor(now));   // an empty wheel need not turn through the past
    timer.due = Math.max(this.#tick + 1, Math.ceil(now + ms));
    this.#insert(timer);
    if (timer.due < this.#alarmAt) this.#arm(timer.due);
  }

  cancel(timer: Timed): void {
    const { due } = timer;
    if (due === UNSET) return;
    unlink(timer);
    timer.due = UNSET;
    if (due >= 0 && --this.#count === 0) this.#disarm();
  }

  /** A thread that sleeps is cancelled. */
  abandon(waiter: Waiter): Abandoned {
    this.cancel(waiter as unknown as Timed);
    waiter.waitingOn = undefined;
    return 'left';
  }
  holders(): [] { return []; }

  /** Fires what is due. Called by the libuv timer, and by the scheduler at the start of a slice. */
  advance(): void {
    if (this.#count === 0) return;
    const target = Math.floor(this.#now());
    if (target < this.#alarmAt) return;
    while (this.#count > 0) {
      const next = this.#nextDue();
      if (next > target) { this.#tick = Math.max(this.#tick, target); break; }
      this.#tick = next - 1;                                           // nothing lies between: not every millisecond is turned
      this.#turn();
    }
    if (this.#count === 0) this.#disarm();
    else if (this.#alarmAt <= target) this.#arm(this.#nextDue());
  }

  get count(): number { return this.#count; }

  #now(): number { return this.#clock() - this.#epoch; }

  #turn(): void {
    const tick = ++this.#tick;
    for (let level = 1; level < LEVELS && (tick & ((1 << (BITS * level)) - 1)) === 0; level++) this.#cascade(level);
    const slot = tick & (SIZE - 1);
    const head = this.#slots[slot] as Links;
    for (let timer = head.next as Timed; timer !== head as unknown;) {
      if (timer.due > tick) { timer = timer.next as Timed; continue; }    // set by one that has just fired
      unlink(timer);
      timer.due = UNSET;
      this.#count--;
      timer.fire();
      timer = head.next as Timed;
    }
  }

  /** Sorts the timers of a coarse slot into finer ones, as its time has come. */
  #cascade(level: number): void {
    const slot = level * SIZE + ((this.#tick >>> (BITS * level)) & (SIZE - 1));
    const head = this.#slots[slot] as Links;
    const last = head.previous;
    for (let timer = head.next as Timed; timer !== head as unknown;) {
      const next = timer.next as Timed;
      const wasLast = timer as unknown === last;
      unlink(timer);
      this.#insert(timer);                                               // of the last level, perhaps into the same slot again: behind the last
      if (wasLast) break;
      timer = next;
    }
  }

  #insert(timer: Timed): void {
    const due = Math.max(timer.due, this.#tick);
    const distance = Math.min(due - this.#tick, SPAN_MAX - 1);
    const level = distance < SIZE ? 0 : distance < SIZE ** 2 ? 1 : distance < SIZE ** 3 ? 2 : 3;
    const slot = level * SIZE + (Math.floor((this.#tick + distance) / 2 ** (BITS * level)) & (SIZE - 1));
    link(this.#slots[slot] as Links, timer);
  }

  /** The first tick at which a timer is due or a coarse slot is sorted in: one look at each slot of each level at most. */
  #nextDue(): number {
    let first = Infinity;
    for (let level = 0; level < LEVELS; level++) {
      const unit = 2 ** (BITS * level);
      const now = Math.floor(this.#tick / unit);
      for (let ahead = 1; ahead <= SIZE; ahead++) {
        const head = this.#slots[level * SIZE + ((now + ahead) & (SIZE - 1))] as Links;
        if (head.next === head) continue;
        first = Math.min(first, (now + ahead) * unit);
        break;
      }
    }
    return first;
  }

  #arm(tick: number): void {
    if (this.#alarm !== undefined) clearTimeout(this.#alarm);
    const now = this.#now();
    this.#alarmAt = Math.min(tick, Math.floor(now) + ALARM_MS_MAX);
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined;
      this.advance();
      if (this.#count > 0 && this.#alarm === undefined) this.#arm(this.#nextDue());   // libuv's clock was a fraction ahead of ours
      this.#onFire();
    }, Math.max(0, this.#alarmAt - now));
    if (!this.#isRef) this.#alarm.unref();
  }
  #disarm(): void {
    if (this.#alarm !== undefined) clearTimeout(this.#alarm);
    this.#alarm = undefined;
    this.#alarmAt = Infinity;
  }
}
