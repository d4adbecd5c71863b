/** Runs a function once, whoever comes first; the others wait for its result. Source: Go's sync.Once, Rust's OnceCell. Next: latch.ts. */
import { CapriccioError } from '@capriccio/shared';
import type { LocalThread } from '../thread.ts';
import { byPromise, checkWait, labelOf, promised, type NameOptions, type WaitOptions } from './block.ts';
import { callingThread, WaitQueue, type QueueOwner } from './waiting.ts';

/** Given to a waiter whose turn it is to try: who ran the function has failed. */
const YOUR_TURN = Symbol('your turn');

export class Once<T> implements QueueOwner {
  readonly what: string;
  #state: 'new' | 'running' | 'done' = 'new';
  #value: T | undefined;
  #runner: LocalThread | undefined;
  readonly #queue = new WaitQueue(this);

  constructor(options?: NameOptions) { this.what = labelOf('once', options); }

  get isDone(): boolean { return this.#state === 'done'; }
  /** What the function gave; undefined before. */
  get value(): T | undefined { return this.#value; }

  /**
   * The result of `fn`, which runs if none has succeeded before. If it fails, its caller alone is told, and the next in line runs its own.
   * Rejects with CAP_ERR_TIMEOUT (the wait for somebody else's run), or when the thread is cancelled.
   */
  async run(fn: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    if (typeof fn !== 'function') throw new CapriccioError('CAP_ERR_OPTION', `run takes a function, not ${fn === null ? 'null' : typeof fn}`);
    checkWait(options, 'run');
    if (this.#state === 'done') return this.#value as T;
    const thread = callingThread();
    if (this.#state === 'running') {
      const given = await promised<T | typeof YOUR_TURN>(() => byPromise(this.#queue, thread, undefined, options));
      if (given !== YOUR_TURN) return given;
    }
    this.#state = 'running';
    this.#runner = thread;
    try {
      this.#value = await fn();
    } catch (error) {
      this.#passOn();
      throw error;
    }
    this.#state = 'done';
    this.#runner = undefined;
    for (let waiter = this.#queue.shift(); waiter !== undefined; waiter = this.#queue.shift()) waiter.wake(this.#value, false);
    return this.#value;
  }

  #passOn(): void {
    const next = this.#queue.shift();
    this.#runner = next?.thread;
    if (next === undefined) this.#state = 'new';
    else next.wake(YOUR_TURN, false);
  }

  /** @internal */
  holders(): LocalThread[] { return this.#runner === undefined ? [] : [this.#runner]; }
}
