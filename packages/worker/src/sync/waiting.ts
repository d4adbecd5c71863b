/**
 * Waiting, as all primitives do it. Whoever waits is a Waiter: a thread that runs as frames is one itself (its links are fields of it, so a million
 * blocked threads cost nothing more), ordinary async code makes a PromiseWaiter. It stands in one WaitQueue at a time; whoever takes it out owes
 * it a `wake`. A wait that is given up (cancelled, timed out) asks the primitive to let it go, which passes on what it stood in the way of.
 * Next: block.ts.
 */
import { currentThread } from '../context.ts';
import type { Timer } from '../timers.ts';
import type { LocalThread } from '../thread.ts';

export type Abandoned = 'left' | 'later' | 'kept';

/** What somebody waits for. */
export interface Waitable {
  /** For listings: `mutex 'cache'`. */
  readonly what: string;
  /** Threads without which it will not come, if that is known. */
  holders(): Iterable<LocalThread>;
  /**
   * The waiter gives up. Takes it out, and passes on what it stood in the way of.
   * @returns 'left'; 'later' when the primitive will wake it itself with an error, after it has got what it must not go on without (a condition's
   * mutex); 'kept' when the wait goes on, and whoever ends it must try again after it
   */
  abandon(waiter: Waiter, error: unknown): Abandoned;
}

/** Somebody who waits. Links and `waitingOn` belong to the queue it stands in. */
export interface Waiter {
  next: Waiter | undefined;
  previous: Waiter | undefined;
  waitingOn: Waitable | undefined;
  /** What it has brought: an item to send, a number of permits. */
  value: unknown;
  /** The thread on whose behalf it waits, if there is one. */
  readonly thread: LocalThread | undefined;
  /** The wait is over. It stands in no queue any more. `isHanded`: it has been given what others may wait for, and should go on soon. */
  wake(value: unknown, byThrow: boolean, isHanded?: boolean): void;
  /** Its time limit does not hold any more: it has got what it waited for, all but a lock that it needs to go on. */
  untime(): void;
}

/** Whose queue it is. */
export interface QueueOwner {
  readonly what: string;
  /** @internal */
  holders?(): Iterable<LocalThread>;
  /** @internal A waiter has left the queue unserved. @returns as Waitable.abandon */
  abandoned?(waiter: Waiter, queue: WaitQueue, error: unknown): Abandoned | void;
}

/** Whose holders nobody knows. */
export const NOBODY: readonly LocalThread[] = [];

/** First come, first served; anybody may leave. All O(1), and nothing is allocated. */
export class WaitQueue implements Waitable {
  readonly owner: QueueOwner;
  first: Waiter | undefined = undefined;
  #last: Waiter | undefined = undefined;
  #length = 0;

  constructor(owner: QueueOwner) { this.owner = owner; }

  get length(): number { return this.#length; }
  get what(): string { return this.owner.what; }
  holders(): Iterable<LocalThread> { return this.owner.holders?.() ?? NOBODY; }

  push(waiter: Waiter): void {
    waiter.waitingOn = this;
    waiter.next = undefined;
    waiter.previous = this.#last;
    if (this.#last === undefined) this.first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#length++;
  }

  shift(): Waiter | undefined {
    const waiter = this.first;
    if (waiter !== undefined) this.remove(waiter);
    return waiter;
  }

  remove(waiter: Waiter): void {
    const { next, previous } = waiter;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.next = waiter.previous = waiter.waitingOn = undefined;
    this.#length--;
  }

  abandon(waiter: Waiter, error: unknown): Abandoned {
    this.remove(waiter);
    return this.owner.abandoned?.(waiter, this, error) ?? 'left';
  }

  * [Symbol.iterator](): IterableIterator<Waiter> { for (let waiter = this.first; waiter !== undefined; waiter = waiter.next) yield waiter; }
}

/** Ends a wait from outside: by cancellation, time-out, or to break a deadlock. @returns whether it ends with this error, now or soon */
export function giveUp(waiter: Waiter, error: unknown): boolean {
  const abandoned = waiter.waitingOn?.abandon(waiter, error) ?? 'left';
  if (abandoned === 'left') waiter.wake(error, true);
  return abandoned !== 'kept';
}

/** What of a scheduler is told that continuations of native code are due. */
interface Hopper { hop(): void; /** Its clock, as it was read last, ms. */ readonly clockMs: number }

/** A wait of ordinary async code: main's, or of a thread that runs natively. It is in its thread's list of open waits until it is over. */
export class PromiseWaiter implements Waiter {
  next: Waiter | undefined = undefined;
  previous: Waiter | undefined = undefined;
  waitingOn: Waitable | undefined = undefined;
  value: unknown;
  readonly thread: LocalThread | undefined;
  /** Neighbours among the open waits of its thread. */
  elder: PromiseWaiter | undefined = undefined;
  younger: PromiseWaiter | undefined = undefined;
  timer: Timer | undefined = undefined;
  /** When it began, by its scheduler's clock. */
  readonly sinceMs: number;
  readonly promise: Promise<unknown>;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  readonly #scheduler: Hopper;

  /** `scheduler`: told that native code is about to go on. */
  constructor(thread: LocalThread | undefined, value: unknown, scheduler: Hopper) {
    this.thread = thread;
    this.value = value;
    this.#scheduler = scheduler;
    this.sinceMs = scheduler.clockMs;
    this.promise = new Promise((resolve, reject) => { this.#resolve = resolve; this.#reject = reject; });
    thread?.openWait(this);
    if (thread !== undefined) thread.scheduler.recorder?.waits(thread);
  }

  wake(value: unknown, byThrow: boolean): void {
    this.timer?.cancel();
    this.thread?.closeWait(this);
    this.value = undefined;
    this.#scheduler.hop();
    if (byThrow) this.#reject(value);
    else this.#resolve(value);
  }

  untime(): void { this.timer?.cancel(); }

  /** Rejects also where nobody awaits it any more (`Promise.race`, or not yet): that must not end the process. */
  cancelledBy(error: unknown): boolean {
    this.promise.catch(ignore);
    return giveUp(this, error);
  }
}
const ignore = (): void => { /* whoever does await it is told all the same */ };

/** What an operation does first: the thread that calls it, after it has been told of its cancellation if it was cancelled. */
export function callingThread(): LocalThread | undefined {
  const thread = currentThread();
  if (thread !== undefined && thread.takeCancellation()) throw thread.cancellation();
  return thread;
}
