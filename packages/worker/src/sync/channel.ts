/**
 * A channel: values in the order in which they were sent, from any number of senders to any number of receivers, each value to one. It holds up to
 * `capacity` values; a sender waits while it is full (back-pressure). With capacity 0 sender and receiver meet: `send` is over when somebody has taken
 * the value. A value goes straight to a receiver that waits; one who gives up has received, or sent, nothing.
 * Source: Hoare, Communicating Sequential Processes, 1978; as in Go. Next: select.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { Deque } from '../deque.ts';
import type { LocalThread } from '../thread.ts';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { byPromise, byThread, checkCount, checkWait, labelOf, promised, type Block, type NameOptions, type WaitOptions } from './block.ts';
import { arriving, checkSend, Moving, type SendOptions } from './moving.ts';
import { NOTHING, type SelectCase } from './select.ts';
import { callingThread, WaitQueue, type QueueOwner, type Waiter } from './waiting.ts';

export interface ChannelOptions extends NameOptions {
  /** Values that it holds, 0 to 2^31 - 1. Default 0: sender and receiver meet. */
  capacity?: number;
}

export class Channel<T> implements AsyncIterable<T>, Disposable {
  readonly what: string;
  readonly capacity: number;
  readonly #items: Deque<T> | undefined;
  readonly #senders: WaitQueue;
  readonly #receivers: WaitQueue;
  #isClosed = false;

  /** Throws CAP_ERR_OPTION for a capacity that is no whole number from 0 to 2^31 - 1. */
  constructor(options?: ChannelOptions) {
    const label = labelOf('channel', options);
    const capacity = options?.capacity ?? 0;
    checkCount(capacity, 0, 'the capacity of a Channel');
    this.what = label;
    this.capacity = capacity;
    if (capacity > 0) this.#items = new Deque();
    this.#senders = new WaitQueue({ what: `${label} to send to` } satisfies QueueOwner);
    this.#receivers = new WaitQueue({ what: `${label} to receive from` } satisfies QueueOwner);
  }

  /** Values that it holds now. */
  get length(): number { return this.#items?.length ?? 0; }
  get isClosed(): boolean { return this.#isClosed; }

  /** Sends a value, waiting while the channel is full; with `transfer` a clone of it, into which its buffers move when it is accepted. Rejects with CAP_ERR_CLOSED, CAP_ERR_TIMEOUT, or when the thread is cancelled: then nobody receives it. */
  send(value: T, options?: SendOptions): Promise<void> { return promised(() => this.put(byPromise, value, options)); }
  /** Receives the next value, waiting for one. Rejects with CAP_ERR_CLOSED when the channel is closed and empty, with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  recv(options?: WaitOptions): Promise<T> { return promised(() => this.take(byPromise, options)); }
  /** Sends if nobody need wait. @returns whether it was sent. Throws CAP_ERR_CLOSED. */
  trySend(value: T): boolean { return this.#put(value); }
  /** The next value, in an object since it may be undefined, if there is one now. Throws CAP_ERR_CLOSED when there will be none. */
  tryRecv(): { readonly value: T } | undefined {
    const value = this.#take();
    return value === NOTHING ? undefined : { value };
  }

  /** No more is sent; what is held is still received. Whoever waits is told: CAP_ERR_CLOSED. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const queue of [this.#senders, this.#receivers]) for (let waiter = queue.shift(); waiter !== undefined; waiter = queue.shift()) waiter.wake(this.#closed(), true);
  }
  [Symbol.dispose](): void { this.close(); }

  /** Receives until the channel is closed and empty. Several may iterate: each value goes to one of them. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    let isOver = false;
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: async () => {
        if (isOver) return { done: true, value: undefined };
        try {
          return { done: false, value: await this.recv() };
        } catch (error) {
          if (!(error instanceof ChannelClosed)) throw error;
          isOver = true;
          return { done: true, value: undefined };
        }
      },
      return: async () => { isOver = true; return { done: true, value: undefined }; },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** A case of `select`: the next value is received. */
  receiving(): SelectCase<T> { return { attempt: () => this.#take(), enlist: (waiter) => this.#receivers.push(waiter) }; }
  /** A case of `select`: `value` is sent. */
  sending(value: T): SelectCase<void> {
    return { attempt: () => (this.#put(value) ? undefined : NOTHING), enlist: (waiter) => { waiter.value = value; this.#senders.push(waiter); } };
  }

  /** @internal */
  put(block: Block, value: T, options: SendOptions | undefined): unknown {
    if (options !== undefined) checkSend(options);
    const thread = callingThread();
    if (options?.transfer !== undefined) return this.#putMoving(block, new Moving(value, options.transfer), thread, options);
    return this.#put(value) ? undefined : block(this.#senders, thread, value, options);
  }
  #putMoving(block: Block, value: Moving, thread: LocalThread | undefined, options: SendOptions): unknown {
    if (this.#put(value as T)) return undefined;
    value.check();
    return block(this.#senders, thread, value, options);
  }
  #put(value: T): boolean {
    if (this.#isClosed) throw this.#closed();
    const receiver = this.#receivers.first;
    if (receiver !== undefined) {
      const given = arriving(value);
      this.#receivers.remove(receiver);
      receiver.wake(given, false);
      return true;
    }
    if (this.#items === undefined || this.#items.length >= this.capacity) return false;
    this.#items.push(arriving(value));
    return true;
  }

  /** @internal */
  take(block: Block, options: WaitOptions | undefined): unknown {
    if (options !== undefined) checkWait(options, 'recv');
    const thread = callingThread();
    const value = this.#take();
    return value === NOTHING ? block(this.#receivers, thread, undefined, options) : value;
  }
  #take(): T | typeof NOTHING {
    const items = this.#items;
    const sender = this.#senders.first;
    if (items !== undefined && items.length > 0) {
      const value = items.shift() as T;
      if (sender !== undefined) items.push(this.#takeFrom(sender));
      return value;
    }
    if (sender !== undefined) return this.#takeFrom(sender);
    if (this.#isClosed) throw this.#closed();
    return NOTHING;
  }
  #takeFrom(sender: Waiter): T {
    const value = arriving(sender.value as T);
    this.#senders.remove(sender);
    sender.wake(undefined, false);
    return value;
  }
  #closed(): ChannelClosed { return new ChannelClosed(this.what); }
}

/** @internal Of local and shared channels alike: `for await` ends with it. */
export class ChannelClosed extends CapriccioError {
  constructor(what: string) { super('CAP_ERR_CLOSED', `${what} has been closed`); }
}

setDirect(Channel.prototype.send, function sendDirect(this: Channel<unknown>, value: unknown, options?: SendOptions) { return this.put(byThread, value, options) as void | typeof SUSPENDED; });
setDirect(Channel.prototype.recv, function recvDirect(this: Channel<unknown>, options?: WaitOptions) { return this.take(byThread, options); });
