/** So many threads wait for each other, again and again. Source: POSIX barriers. Next: rw-lock.ts. */
import { setDirect, type SUSPENDED } from '../suspended.ts';
import type { LocalThread } from '../thread.ts';
import { byPromise, byThread, checkCount, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { callingThread, WaitQueue, type QueueOwner } from './waiting.ts';

export class Barrier implements QueueOwner {
  readonly what: string;
  readonly parties: number;
  readonly #queue = new WaitQueue(this);

  /** @param parties  how many must have arrived, 1 or more. Throws CAP_ERR_OPTION for another number. */
  constructor(parties: number, options?: NameOptions) {
    checkCount(parties, 1, 'the parties of a Barrier');
    this.parties = parties;
    this.what = labelOf('barrier', options);
  }

  /** How many have arrived and wait. */
  get waiting(): number { return this.#queue.length; }

  /**
   * Waits until `parties` have arrived; then the next round begins. @returns true for one of them, the last to arrive.
   * Who gives up (CAP_ERR_TIMEOUT, cancellation) has not arrived: the others go on waiting for one more.
   */
  wait(options?: WaitOptions): Promise<boolean> { return promised(() => this.take(byPromise, options)); }
  /** @internal */
  take(block: Block, options: WaitOptions | undefined, thread: LocalThread | undefined = callingThread()): unknown {
    checkWait(options, 'wait');
    if (this.#queue.length + 1 < this.parties) return block(this.#queue, thread, undefined, options);
    for (let waiter = this.#queue.shift(); waiter !== undefined; waiter = this.#queue.shift()) waiter.wake(false, false);
    return true;
  }
}
setDirect(Barrier.prototype.wait, function waitDirect(this: Barrier, options?: WaitOptions) { return this.take(byThread, options) as boolean | typeof SUSPENDED; });
