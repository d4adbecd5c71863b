/**
 * One wheel of timers behind one libuv timer: adding and cancelling cost a list operation, whatever their number.
 * Four levels of 64 slots of 1 ms, 64 ms, 4 s, 262 s; later ones wait on the last level and are sorted in again. Fires in order of time, to the
 * millisecond, never early.
 * Source: Varghese and Lauck, Hashed and Hierarchical Timing Wheels, SOSP 1987.
 */
import { sharedNow } from './clock.ts';

const BITS = 6;
const SIZE = 1 << BITS;
const LEVELS = 4;
const SPAN_MAX = 1 << (BITS * LEVELS);
/** Longest that a libuv timer can be set, ms: a later alarm rings once in between. */
const ALARM_MS_MAX = 2 ** 31 - 1;

/** One timer: intrusive, so that adding allocates nothing besides it. */
export class Timer {
  readonly fire: () => void;
  /** Tick at which it is due, -1 when it is not set. */
  due = -1;
  /** @internal */ previous: Timer | undefined = undefined;
  /** @internal */ next: Timer | undefined = undefined;
  /** @internal */ slot = -1;
  constructor(fire: () => void) { this.fire = fire; }
}

export class TimerWheel {
  readonly #slots: (Timer | undefined)[] = Array.from({ length: SIZE * LEVELS });
  readonly #clock: () => number;
  readonly #epoch: number;
  #tick = 0;
  #count = 0;
  #alarm: NodeJS.Timeout | undefined;
  /** When the alarm rings: not after the first timer is due, so before it there is nothing to look for. */
  #alarmAt = Infinity;
  readonly #onFire: () => void;
  readonly #isRef: boolean;

  /** @param onFire  called after timers have fired from the libuv timer; @param isRef  whether a set timer keeps the event loop alive; @param clock  ms */
  constructor(onFire: () => void, isRef: boolean, clock: () => number = sharedNow) {
    this.#onFire = onFire;
    this.#isRef = isRef;
    this.#clock = clock;
    this.#epoch = clock();
  }

  /** Sets a timer, or sets it anew. @param ms  0 or more; fires not before that time, at most 1 ms and a turn of the loop after */
  set(timer: Timer, ms: number): void {
    if (timer.due >= 0) this.cancel(timer);
    const now = this.#now();
    if (this.#count === 0) this.#tick = Math.max(this.#tick, Math.floor(now));   // an empty wheel need not turn through the past
    timer.due = Math.max(this.#tick + 1, Math.ceil(now + ms));
    this.#insert(timer);
    this.#count++;
    if (timer.due < this.#alarmAt) this.#arm(timer.due);
  }

  cancel(timer: Timer): void {
    if (timer.due < 0) return;
    this.#unlink(timer);
    timer.due = -1;
    if (--this.#count === 0) this.#disarm();
  }

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
    for (let timer = this.#slots[slot]; timer !== undefined;) {
      if (timer.due > tick) { timer = timer.next; continue; }            // set by one that has just fired
      this.#unlink(timer);
      timer.due = -1;
      this.#count--;
      timer.fire();
      timer = this.#slots[slot];
    }
  }

  /** Sorts the timers of a coarse slot into finer ones, as its time has come. */
  #cascade(level: number): void {
    const slot = level * SIZE + ((this.#tick >>> (BITS * level)) & (SIZE - 1));
    let timer = this.#slots[slot];
    this.#slots[slot] = undefined;
    while (timer !== undefined) {
      const next: Timer | undefined = timer.next;
      timer.slot = -1;
      this.#insert(timer);
      timer = next;
    }
  }

  #insert(timer: Timer): void {
    const due = Math.max(timer.due, this.#tick);
    const distance = Math.min(due - this.#tick, SPAN_MAX - 1);
    const level = distance < SIZE ? 0 : distance < SIZE ** 2 ? 1 : distance < SIZE ** 3 ? 2 : 3;
    const slot = level * SIZE + (Math.floor((this.#tick + distance) / 2 ** (BITS * level)) & (SIZE - 1));
    const head = this.#slots[slot];
    timer.slot = slot;
    timer.previous = undefined;
    timer.next = head;
    if (head !== undefined) head.previous = timer;
    this.#slots[slot] = timer;
  }

  #unlink(timer: Timer): void {
    if (timer.previous === undefined) this.#slots[timer.slot] = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next !== undefined) timer.next.previous = timer.previous;
    timer.previous = timer.next = undefined;
    timer.slot = -1;
  }

  /** The first tick at which a timer is due or a coarse slot is sorted in: one look at each slot of each level at most. */
  #nextDue(): number {
    let first = Infinity;
    for (let level = 0; level < LEVELS; level++) {
      const unit = 2 ** (BITS * level);
      const now = Math.floor(this.#tick / unit);
      for (let ahead = 1; ahead <= SIZE; ahead++) {
        if (this.#slots[level * SIZE + ((now + ahead) & (SIZE - 1))] === undefined) continue;
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
