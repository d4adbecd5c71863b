/**
 * Mutual exclusion among the threads of one isolate, and its ordinary code. First come, first served: who unlocks hands it to the longest waiting,
 * so nobody who comes later gets in between (no barging, at the price of a switch when it is contended).
 * Cost: uncontended, an object; contended, no search. Next: condition.ts.
 */
import { currentThread } from '../context.ts';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import type { LocalThread } from '../thread.ts';
import { byPromise, byThread, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { callingThread, WaitQueue, type Abandoned, type QueueOwner, type Waiter } from './waiting.ts';

/** What `lock` gives: unlocks when it is disposed of, once. */
class MutexGuard implements Disposable {
  #mutex: Mutex | undefined;
  constructor(mutex: Mutex) { this.#mutex = mutex; }
  [Symbol.dispose](): void {
    const mutex = this.#mutex;
    this.#mutex = undefined;
    mutex?.release();
  }
}

/** Brought by a waiter of a condition, which must have the mutex again before it goes on, with what it is to throw then. */
class Reacquiring {
  readonly signalled: (() => void) | undefined;
  error: unknown;
  constructor(error: unknown, signalled: (() => void) | undefined) {
    this.error = error;
    this.signalled = signalled;
  }
}

/**
 * `using guard = await mutex.lock()` locks until the end of the block.
 *
 * ```ts
 * const mutex = new Mutex();
 * async function transfer() { using held = await mutex.lock(); await move(); }
 * ```
 * Not recursive: a thread that locks it twice waits for itself, which is reported as a deadlock (capriccio/pthread has recursive ones).
 */
export class Mutex implements QueueOwner {
  readonly what: string;
  #isLocked = false;
  #owner: LocalThread | undefined;
  readonly #queue = new WaitQueue(this);

  /** Throws CAP_ERR_OPTION for a name that is no string. */
  constructor(options?: NameOptions) { this.what = labelOf('mutex', options); }

  get isLocked(): boolean { return this.#isLocked; }

  /** Locks it, waiting for its turn. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  lock(options?: WaitOptions): Promise<Disposable> { return promised(() => this.take(byPromise, options)); }

  /** Locks it if it is free; never waits. */
  tryLock(): Disposable | undefined {
    if (this.#isLocked) return undefined;
    this.#isLocked = true;
    this.#owner = currentThread();
    return new MutexGuard(this);
  }

  /** @internal */
  take(block: Block, options: WaitOptions | undefined, thread: LocalThread | undefined = callingThread()): unknown {
    if (options !== undefined) checkWait(options, 'lock');
    if (this.#isLocked) return block(this.#queue, thread, undefined, options);
    this.#isLocked = true;
    this.#owner = thread;
    return new MutexGuard(this);
  }

  /** @internal Unlocks it: hands it to who waits longest. */
  release(): void {
    const waiter = this.#queue.first;
    if (waiter === undefined) {
      this.#isLocked = false;
      this.#owner = undefined;
    } else {
      this.#queue.remove(waiter);
      this.#grant(waiter);
    }
  }
  #grant(waiter: Waiter): void {
    this.#owner = waiter.thread;
    const { value } = waiter;
    if (value instanceof Reacquiring) waiter.wake(value.error, value.error !== undefined, true);
    else waiter.wake(new MutexGuard(this), false, true);
  }

  /** @internal A waiter of a condition goes on when it has the mutex again. `signalled`: passes its signal on, if it gives up instead */
  reacquire(waiter: Waiter, error: unknown, signalled?: () => void): void {
    waiter.value = new Reacquiring(error, signalled);
    this.#queue.push(waiter);
    if (this.#isLocked) return;
    this.#isLocked = true;
    this.release();
  }
  /** @internal */
  isHeldBy(thread: LocalThread | undefined): boolean { return this.#isLocked && this.#owner?.principal === thread?.principal; }
  /** @internal */
  get owner(): LocalThread | undefined { return this.#owner; }
  /** @internal */
  holders(): LocalThread[] { return this.#owner === undefined ? [] : [this.#owner]; }

  /** @internal Who has waited for a condition may not leave without the mutex. */
  abandoned(waiter: Waiter, queue: WaitQueue, error: unknown): Abandoned {
    const { value } = waiter;
    if (!(value instanceof Reacquiring)) return 'left';
    if (value.error === undefined) value.signalled?.();
    waiter.value = new Reacquiring(error, undefined);
    queue.push(waiter);
    return 'later';
  }
}
setDirect(Mutex.prototype.lock, function lockDirect(this: Mutex, options?: WaitOptions) { return this.take(byThread, options) as Disposable | typeof SUSPENDED; });
