/**
 * The shared objects as one isolate sees them: its visitor (packages/shared), the objects by name, and the waits of its threads. main's pool has one,
 * and every worker. Next: shared-wait.ts, then a kind.
 */
import { BARRIER, CHANNEL, CONDITION, MUTEX, RWLOCK, SEMAPHORE, Visitor, allObjects, bury, findOrMake, frontOf, kindOf, parker, takePlace, type CapriccioError, type Kind, type Memory, type SpinBudget } from '@capriccio/shared';
import { sharedNow } from '../clock.ts';
import type { LocalThread } from '../thread.ts';
import { SharedBarrier } from './shared-barrier.ts';
import { SharedChannel } from './shared-channel.ts';
import { SharedCondition } from './shared-condition.ts';
import { SharedMutex } from './shared-mutex.ts';
import { SharedRwLock } from './shared-rw-lock.ts';
import { SharedSemaphore } from './shared-semaphore.ts';

/** Least bytes of a channel's ring. */
const RING_BYTES_MIN = 1024;

/** An object whose holders are known: its threads of this isolate. */
export interface HeldObject {
  /** @internal */
  readonly object: number;
  /** @internal */
  holders(): LocalThread[];
}

/** A wait that can be ended from outside. */
interface Failable { fail(error: unknown): void }

export class SharedObjects {
  readonly visitor: Visitor;
  /** Waits that have not ended, for `close`. */
  readonly waits: Set<Failable> = new Set();
  /** Of them, those of threads: nothing of this isolate need happen for them. */
  threadsWaiting = 0;
  /** What new operations reject with. */
  closed: CapriccioError | undefined;
  readonly #onBusy: (isBusy: boolean) => void;
  readonly #mayLook: () => boolean;
  readonly #objects = new Map<string, unknown>();
  #isBusy = false;

  /**
   * @param onBusy  something here has begun to wait for others, or nothing does any more
   * @param mayLook  nothing else here could go on meanwhile: who is about to wait may look on for some microseconds
   */
  constructor(memory: Memory, id: number, onBusy: (isBusy: boolean) => void, mayLook: () => boolean = () => true) {
    this.visitor = new Visitor(memory, id);
    this.#onBusy = onBusy;
    this.#mayLook = mayLook;
  }

  // ---- by name: each throws CAP_ERR_OPTION when the name stands for something else, CAP_ERR_MEMORY when there is no room ----

  mutex(name: string): SharedMutex { return this.#named(name, MUTEX, [], (object) => new SharedMutex(this, name, object)); }
  condition(name: string, mutex: SharedMutex): SharedCondition { return this.#named(name, CONDITION, [mutex.object], (object) => new SharedCondition(this, name, object, mutex)); }
  semaphore(name: string, permits: number, givesBack: boolean): SharedSemaphore { return this.#named(name, SEMAPHORE, [permits, givesBack ? 1 : 0], (object) => new SharedSemaphore(this, name, object)); }
  barrier(name: string, parties: number): SharedBarrier { return this.#named(name, BARRIER, [parties], (object) => new SharedBarrier(this, name, object, parties)); }
  rwlock(name: string): SharedRwLock { return this.#named(name, RWLOCK, [], (object) => new SharedRwLock(this, name, object)); }
  /** @param bytes  rounded up to a power of two */
  channel<T>(name: string, capacity: number, bytes: number): SharedChannel<T> {
    const ringBytes = 2 ** Math.ceil(Math.log2(Math.max(RING_BYTES_MIN, bytes)));
    return this.#named(name, CHANNEL, [capacity, ringBytes], (object) => new SharedChannel<T>(this, name, object, capacity, ringBytes));
  }

  #named<O extends object>(name: string, kind: Kind, parameters: readonly number[], make: (object: number) => O): O {
    const key = `${kind} ${parameters.join()} ${name}`;
    let found = this.#objects.get(key) as O | undefined;
    if (found === undefined) {
      found = make(findOrMake(this.visitor.memory, this.visitor.id, { name, kind, parameters }));
      this.#objects.set(key, found);
    }
    return found;
  }

  // ---- for the objects ----

  /** Calls `work` inside an object, now or later. */
  visit(monitor: number, work: () => void): void {
    this.visitor.visit(monitor, work);
    if (this.visitor.isWaiting !== this.#isBusy) this.#note();
  }
  /** The same, and what has not been granted then is looked for a little while. @returns when `isDone`, or when that has not paid */
  visitAndLook(monitor: number, work: () => void, isDone: () => boolean, budget: SpinBudget): void {
    const { visitor } = this;
    visitor.visit(monitor, work);
    if (!isDone()) this.lookOn(budget, () => { if (visitor.hasNews) visitor.collect(); return isDone(); });
    if (visitor.isWaiting !== this.#isBusy) this.#note();
  }

  /** Looks until `isThere`, for as long as `budget` gives: the other side's answer takes a microsecond or two when it is awake, and a turn of the event loop no less. */
  lookOn(budget: SpinBudget, isThere: () => boolean): void {
    const us = this.#mayLook() ? budget.next() : 0;
    if (us === 0) return;
    const end = sharedNow() + us / 1000;
    do {
      parker.pause();
      if (isThere()) { budget.won(us); return; }
    } while (sharedNow() < end);
    budget.lost();
  }

  #note(): void {
    this.#isBusy = this.visitor.isWaiting;
    this.#onBusy(this.#isBusy);
  }

  // ---- for whose they are ----

  /** Locks that threads of this isolate have. */
  * held(): IterableIterator<HeldObject> { for (const object of this.#objects.values()) if (object instanceof SharedMutex || object instanceof SharedRwLock) yield object; }
  /** Locks of all isolates that somebody waits for, and who waits longest. */
  lockFronts(): Map<number, number> {
    const fronts = new Map<number, number>();
    for (const object of allObjects(this.visitor.memory)) {
      const kind = kindOf(this.visitor.memory, object);
      const front = kind === MUTEX || kind === RWLOCK ? frontOf(this.visitor.memory, object) : 0;
      if (front !== 0) fronts.set(object, front);
    }
    return fronts;
  }
  /** Something of this isolate waits for others. */
  get isBusy(): boolean { return this.#isBusy; }

  /** Takes what has come. Call at each turn. @returns how many waits have been granted */
  collect(): number {
    const count = this.visitor.collect();
    if (this.visitor.isWaiting !== this.#isBusy) this.#note();
    return count;
  }
  /** A participant has died. */
  recover(dead: number): void {
    this.visitor.recover(dead);
    if (this.visitor.isWaiting !== this.#isBusy) this.#note();
  }
  /** Main: a worker has exited, and its death is not marked yet. */
  takePlace(dead: number): void { takePlace(this.visitor, dead); }
  /** Main: its death is marked. Calls `done` when nothing here refers to it any more. */
  bury(dead: number, done: () => void): void {
    bury(this.visitor, dead, done);
    if (this.visitor.isWaiting !== this.#isBusy) this.#note();
  }
  /** Every wait, and every operation from now on, rejects with `error`. */
  close(error: CapriccioError): void {
    this.closed = error;
    for (const wait of this.waits) wait.fail(error);
  }
}
