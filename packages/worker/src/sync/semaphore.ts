/**
 * So many permits, to be taken some at a time. First come, first served: who wants many is not passed by those who want few.
 * Source: Dijkstra's P and V; weighted as in Go's x/sync/semaphore. Next: barrier.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { byPromise, byThread, checkCount, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { callingThread, WaitQueue, type QueueOwner } from './waiting.ts';

const PERMITS_MAX = 2 ** 31 - 1;

/** What `acquire` gives: gives its permits back when it is disposed of, once. */
class Permits implements Disposable {
  #semaphore: Semaphore | undefined;
  readonly #count: number;
  constructor(semaphore: Semaphore, count: number) {
    this.#semaphore = semaphore;
    this.#count = count;
  }
  [Symbol.dispose](): void {
    const semaphore = this.#semaphore;
    this.#semaphore = undefined;
    semaphore?.release(this.#count);
  }
}

/** `using permit = await semaphore.acquire()` takes one until the end of the block. */
export class Semaphore implements QueueOwner {
  readonly what: string;
  #available: number;
  readonly #queue = new WaitQueue(this);

  /** @param permits  0 to 2^31 - 1. Throws CAP_ERR_OPTION for another number. */
  constructor(permits: number, options?: NameOptions) {
    checkCount(permits, 0, 'the permits of a Semaphore');
    this.#available = permits;
    this.what = labelOf('semaphore', options);
  }

  /** Permits that nobody has. */
  get available(): number { return this.#available; }
  /** How many wait. */
  get waiting(): number { return this.#queue.length; }

  /** Takes `count` permits at once, waiting for its turn. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  acquire(count = 1, options?: WaitOptions): Promise<Disposable> { return promised(() => this.take(byPromise, count, options)); }
  /** @internal */
  take(block: Block, count: number, options: WaitOptions | undefined): unknown {
    checkCount(count, 1, 'the count of acquire');
    checkWait(options, 'acquire');
    const thread = callingThread();
    return this.tryAcquire(count) ?? block(this.#queue, thread, count, options);
  }

  /** Takes `count` permits if they are there and nobody waits; never waits. */
  tryAcquire(count = 1): Disposable | undefined {
    checkCount(count, 1, 'the count of tryAcquire');
    if (this.#available < count || this.#queue.length > 0) return undefined;
    this.#available -= count;
    return new Permits(this, count);
  }

  /** Adds `count` permits. Throws CAP_ERR_OPTION when there would be more than 2^31 - 1. */
  release(count = 1): void {
    checkCount(count, 1, 'the count of release');
    if (this.#available + count > PERMITS_MAX) throw new CapriccioError('CAP_ERR_OPTION', `${this.what} would have more than ${PERMITS_MAX} permits`);
    this.#available += count;
    this.abandoned();
  }

  /** @internal Whoever can go on now does: the first has got its permits, or has left. */
  abandoned(): void {
    for (let waiter = this.#queue.first; waiter !== undefined && (waiter.value as number) <= this.#available; waiter = this.#queue.first) {
      const count = waiter.value as number;
      this.#queue.remove(waiter);
      this.#available -= count;
      waiter.wake(new Permits(this, count), false, true);
    }
  }
}
setDirect(Semaphore.prototype.acquire, function acquireDirect(this: Semaphore, count = 1, options?: WaitOptions) { return this.take(byThread, count, options) as Disposable | typeof SUSPENDED; });
