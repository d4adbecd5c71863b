/**
 * Many readers or one writer, in order of arrival: a reader that comes when somebody waits waits too, so no stream of readers starves a writer, and
 * the readers behind a writer all go together. Next: once.ts.
 */
import { currentThread } from '../context.ts';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import type { LocalThread } from '../thread.ts';
import { byPromise, byThread, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { callingThread, WaitQueue, type QueueOwner } from './waiting.ts';

/** One hold, by a reader or the writer: ends when it is disposed of, once. In a list of the holds there are. */
class Hold implements Disposable {
  #lock: RwLock | undefined;
  readonly thread: LocalThread | undefined;
  next: Hold | undefined;
  previous: Hold | undefined;
  constructor(lock: RwLock, thread: LocalThread | undefined) {
    this.#lock = lock;
    this.thread = thread;
  }
  [Symbol.dispose](): void {
    const lock = this.#lock;
    this.#lock = undefined;
    lock?.release(this);
  }
}

/** `using held = await lock.read()` or `lock.write()` holds it until the end of the block. Not recursive, and a reader cannot become a writer. */
export class RwLock implements QueueOwner {
  readonly what: string;
  #readers = 0;
  #isWritten = false;
  #holds: Hold | undefined;
  readonly #queue = new WaitQueue(this);

  constructor(options?: NameOptions) { this.what = labelOf('rwlock', options); }

  /** How many read now. */
  get readers(): number { return this.#readers; }
  get isWritten(): boolean { return this.#isWritten; }

  /** Waits until nobody writes and whoever came before has had its turn. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  read(options?: WaitOptions): Promise<Disposable> { return promised(() => this.take(byPromise, false, options)); }
  /** Waits until nobody reads or writes. Rejects likewise. */
  write(options?: WaitOptions): Promise<Disposable> { return promised(() => this.take(byPromise, true, options)); }
  /** Reads if it may at once; never waits. */
  tryRead(): Disposable | undefined { return this.#isFree(false) ? this.#hold(false, currentThread()) : undefined; }
  /** Writes if it may at once; never waits. */
  tryWrite(): Disposable | undefined { return this.#isFree(true) ? this.#hold(true, currentThread()) : undefined; }

  /** @internal */
  take(block: Block, isWriter: boolean, options: WaitOptions | undefined): unknown {
    checkWait(options, isWriter ? 'write' : 'read');
    const thread = callingThread();
    return this.#isFree(isWriter) ? this.#hold(isWriter, thread) : block(this.#queue, thread, isWriter, options);
  }

  #isFree(forWriter: boolean): boolean { return !this.#isWritten && this.#queue.first === undefined && !(forWriter && this.#readers > 0); }

  #hold(isWriter: boolean, thread: LocalThread | undefined): Hold {
    const hold = new Hold(this, thread);
    if (isWriter) this.#isWritten = true;
    else this.#readers++;
    hold.next = this.#holds;
    if (hold.next !== undefined) hold.next.previous = hold;
    return this.#holds = hold;
  }

  /** @internal */
  release(hold: Hold): void {
    const { next, previous } = hold;
    if (next !== undefined) next.previous = previous;
    if (previous === undefined) this.#holds = next;
    else previous.next = next;
    if (this.#isWritten) this.#isWritten = false;
    else this.#readers--;
    this.abandoned();
  }

  /** @internal Whoever can go on now does: a writer alone, or readers up to the next writer. */
  abandoned(): void {
    for (let waiter = this.#queue.first; waiter !== undefined && !this.#isWritten; waiter = this.#queue.first) {
      const isWriter = waiter.value as boolean;
      if (isWriter && this.#readers > 0) return;
      this.#queue.remove(waiter);
      waiter.wake(this.#hold(isWriter, waiter.thread), false, true);
    }
  }

  /** @internal */
  * holders(): IterableIterator<LocalThread> { for (let hold = this.#holds; hold !== undefined; hold = hold.next) if (hold.thread !== undefined) yield hold.thread; }
}
setDirect(RwLock.prototype.read, function readDirect(this: RwLock, options?: WaitOptions) { return this.take(byThread, false, options) as Disposable | typeof SUSPENDED; });
setDirect(RwLock.prototype.write, function writeDirect(this: RwLock, options?: WaitOptions) { return this.take(byThread, true, options) as Disposable | typeof SUSPENDED; });
