/** Waits until so many events have happened; open for good after that. Source: Java's CountDownLatch, C++20's std::latch. Next: channel.ts. */
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { byPromise, byThread, checkCount, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { callingThread, WaitQueue, type QueueOwner } from './waiting.ts';

export class Latch implements QueueOwner {
  readonly what: string;
  #count: number;
  readonly #queue = new WaitQueue(this);

  /** @param count  events, 0 or more: 0 is open. Throws CAP_ERR_OPTION for another number. */
  constructor(count: number, options?: NameOptions) {
    checkCount(count, 0, 'the count of a Latch');
    this.#count = count;
    this.what = labelOf('latch', options);
  }

  /** Events that are still to happen. */
  get count(): number { return this.#count; }
  get isOpen(): boolean { return this.#count === 0; }

  /** `count` of the events have happened; more than are still to happen open it as well. Never waits. */
  countDown(count = 1): void {
    checkCount(count, 1, 'the count of countDown');
    this.#count = Math.max(0, this.#count - count);
    if (this.#count > 0) return;
    for (let waiter = this.#queue.shift(); waiter !== undefined; waiter = this.#queue.shift()) waiter.wake(undefined, false);
  }

  /** Waits until it is open. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  wait(options?: WaitOptions): Promise<void> { return promised(() => this.take(byPromise, options)); }
  /** @internal */
  take(block: Block, options: WaitOptions | undefined): unknown {
    checkWait(options, 'wait');
    const thread = callingThread();
    return this.#count === 0 ? undefined : block(this.#queue, thread, undefined, options);
  }
}
setDirect(Latch.prototype.wait, function waitDirect(this: Latch, options?: WaitOptions) { return this.take(byThread, options) as void | typeof SUSPENDED; });
