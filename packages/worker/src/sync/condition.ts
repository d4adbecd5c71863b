/**
 * A condition of what a mutex protects: wait until somebody says that it may hold now. A waiter that is signalled is moved to the queue of the mutex
 * (it is not woken to find the mutex taken), and goes on when it has it. Waits end for no other reason, but the condition may have been
 * changed by who had the mutex before: wait in a loop. Next: semaphore.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { byPromise, byThread, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { Mutex } from './mutex.ts';
import { callingThread, WaitQueue, type Abandoned, type QueueOwner, type Waiter } from './waiting.ts';

/**
 * ```ts
 * using held = await mutex.lock();
 * while (items.length === 0) await notEmpty.wait();
 * ```
 */
export class Condition implements QueueOwner {
  readonly what: string;
  readonly #mutex: Mutex;
  readonly #queue = new WaitQueue(this);

  /** Throws CAP_ERR_OPTION for what is no mutex. */
  constructor(mutex: Mutex, options?: NameOptions) {
    if (!(mutex instanceof Mutex)) throw new CapriccioError('CAP_ERR_OPTION', 'a Condition takes the Mutex that protects it');
    this.#mutex = mutex;
    this.what = labelOf('condition', options);
  }

  /**
   * Unlocks the mutex, waits for a signal, and locks it again: also before it rejects, with CAP_ERR_TIMEOUT or because the thread was cancelled.
   * CAP_ERR_OPTION when the caller does not hold the mutex.
   */
  wait(options?: WaitOptions): Promise<void> { return promised(() => this.take(byPromise, options)); }
  /** @internal */
  take(block: Block, options: WaitOptions | undefined): unknown {
    checkWait(options, 'wait');
    const thread = callingThread();
    if (!this.#mutex.isHeldBy(thread)) throw new CapriccioError('CAP_ERR_OPTION', `${this.what}: wait was called without holding ${this.#mutex.what}`);
    const waiting = block(this.#queue, thread, undefined, options);
    this.#mutex.release();
    return waiting;
  }

  /** Ends the wait of who waits longest, if anybody does. */
  signal(): void {
    const waiter = this.#queue.shift();
    if (waiter === undefined) return;
    waiter.untime();
    this.#mutex.reacquire(waiter, undefined, () => this.signal());
  }
  /** Ends the wait of all who wait now. */
  broadcast(): void { for (let count = this.#queue.length; count > 0; count--) this.signal(); }

  /** @internal */
  abandoned(waiter: Waiter, _: WaitQueue, error: unknown): Abandoned {
    this.#mutex.reacquire(waiter, error);
    return 'later';
  }
}
setDirect(Condition.prototype.wait, function waitDirect(this: Condition, options?: WaitOptions) { return this.take(byThread, options) as typeof SUSPENDED; });
