/** A channel across cores: values travel as bytes, so a copy arrives. Next: packages/shared/src/objects/channel.ts. */
import { CapriccioError, IS_CLOSED, channels, keepItem, packItem, unpackItem, type Item } from '@capriccio/shared';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { ChannelClosed } from '../sync/channel.ts';
import { checkSend, detach } from '../sync/moving.ts';
import { NOTHING, type SelectCase } from '../sync/select.ts';
import { NO_LOOKING, newLooking } from './looking.ts';
import { SharedCase } from './shared-case.ts';
import type { SharedObjects } from './shared-objects.ts';
import { begin, nodesExhausted, perform, performDirect, refusal, refuse, type Operation, type SharedWait, type SharedWaitOptions } from './shared-wait.ts';

/** Options of `send`. */
export interface SharedSendOptions extends SharedWaitOptions {
  /** ArrayBuffers in the value that are given away: detached here once the channel has their bytes. Who gives up has them still. */
  transfer?: readonly ArrayBuffer[];
}
const NOTHING_MOVES: readonly ArrayBuffer[] = [];

/** First in, first out, from any number of senders to any number of receivers, each value to one. What has been sent is lost by nobody's death. */
export class SharedChannel<T> implements AsyncIterable<T>, Disposable {
  readonly name: string;
  readonly capacity: number;
  readonly #objects: SharedObjects;
  readonly #object: number;
  readonly #what: string;
  readonly #lengthMax: number;
  readonly #receiving: Operation<T>;
  readonly #view = new channels.View();
  readonly #lookingForItems = newLooking();
  readonly #lookingForRoom = newLooking();
  /** What is being sent without waiting, and how that went. */
  #item: Item | undefined;
  #outcome = '';
  readonly #attemptInside = (): void => { this.#outcome = channels.send(this.#objects.visitor, this.#object, this.#item as Item, undefined); };

  /** @internal made by pool.channel */
  constructor(objects: SharedObjects, name: string, object: number, capacity: number, ringBytes: number) {
    this.name = name;
    this.capacity = capacity;
    this.#objects = objects;
    this.#object = object;
    this.#what = `channel '${name}'`;
    this.#lengthMax = channels.lengthMax(ringBytes);
    const { visitor } = objects;
    this.#receiving = {
      what: this.#what, monitor: object, looking: NO_LOOKING,            // it has looked already, from outside
      enter: (waiter) => {
        const outcome = channels.receive(visitor, object, waiter);
        if (typeof outcome === 'object') return { value: unpackItem(outcome) as T };
        if (outcome === 'waits') return 'waits';
        return outcome === 'closed' ? { error: this.#closed() } : nodesExhausted(objects, this.#what);
      },
      granted: (result, node, wait) => this.#granted(result, node, wait, () => unpackItem(channels.receivePromised(visitor, object, node)) as T),
      passOn: (result, node) => this.#passOn(result, node),
    };
  }

  /** Items that wait to be received, as it was a moment ago. */
  get length(): number { return channels.stateOf(this.#objects.visitor, this.#object).length; }
  get isClosed(): boolean { return channels.stateOf(this.#objects.visitor, this.#object).isClosed; }

  /**
   * Sends a copy, waiting while the channel is full. What `transfer` names is detached here once the channel has it. Rejects with CAP_ERR_CLOSED, CAP_ERR_TIMEOUT, or when the thread is cancelled: then nobody receives it;
   * with CAP_ERR_NOT_CLONEABLE for what only a port could carry, CAP_ERR_MEMORY for more bytes than the channel has.
   */
  send(value: T, options?: SharedSendOptions): Promise<void> {
    const limit = limitOf(options);
    const refused = refusal(this.#objects, limit);
    if (refused !== undefined) return refused;
    try {
      const item = this.#sendNow(value, options);
      return item === undefined ? Promise.resolve() : this.#beginSend(item, options).promise(limit);
    } catch (error) { return Promise.reject(error); }
  }
  /** @internal for threads that run as frames */
  sendDirect(value: T, options: SharedSendOptions | undefined): void | typeof SUSPENDED {
    const limit = limitOf(options);
    refuse(this.#objects, limit);
    const item = this.#sendNow(value, options);
    return item === undefined ? undefined : this.#beginSend(item, options).direct(limit);
  }

  /** @returns what has not been sent, for it would have to wait */
  #sendNow(value: T, options: SharedSendOptions | undefined): Item | undefined {
    if (options?.transfer !== undefined) checkSend(options);
    const item = this.#pack(value);
    if (!this.#attempt(item)) return item;
    if (options?.transfer !== undefined) detach(options.transfer);
    return undefined;
  }

  #beginSend(packed: Item, options: SharedSendOptions | undefined): SharedWait<void> {
    const transfer = options?.transfer ?? NOTHING_MOVES;
    const { visitor } = this.#objects;
    let item = packed;
    const wait = begin(this.#objects, {
      what: this.#what, monitor: this.#object, looking: this.#lookingForRoom,
      enter: (waiter) => {
        const outcome = channels.send(visitor, this.#object, item, waiter);
        if (outcome === 'now') { detach(transfer); return { value: undefined }; }
        if (outcome === 'waits') return 'waits';
        return outcome === 'closed' ? { error: this.#closed() } : nodesExhausted(this.#objects, this.#what);
      },
      granted: (result, node, one) => this.#granted(result, node, one, () => { channels.sendPromised(visitor, this.#object, item, node); detach(transfer); }),
      passOn: (result, node) => this.#passOn(result, node),
    } satisfies Operation<void>);
    if (!wait.isDone) item = keepItem(item);                             // its bytes are the encoder's, which the next value needs
    return wait;
  }

  /** Receives the next value, waiting for one. Rejects with CAP_ERR_CLOSED when the channel is closed and empty, with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  recv(options?: SharedWaitOptions): Promise<T> {
    const refused = refusal(this.#objects, options);
    if (refused !== undefined) return refused;
    const item = this.#receiveSoon();
    return item === undefined ? perform(this.#objects, this.#receiving, options) : Promise.resolve(unpackItem(item) as T);
  }
  /** @internal for threads that run as frames */
  recvDirect(options: SharedWaitOptions | undefined): T | typeof SUSPENDED {
    refuse(this.#objects, options);
    const item = this.#receiveSoon();
    return item === undefined ? performDirect(this.#objects, this.#receiving, options) : unpackItem(item) as T;
  }
  /** Now, or as soon as one comes while it looks: then nobody need be told that it waits. */
  #receiveSoon(): Item | undefined {
    let item = this.#receiveNow();
    if (item !== undefined || !channels.isOpen(this.#objects.visitor, this.#object)) return item;
    this.#objects.lookOn(this.#lookingForItems, () => (item = this.#receiveNow()) !== undefined);
    return item;
  }
  #receiveNow(): Item | undefined {
    const { visitor } = this.#objects;
    return visitor.isPending(this.#object) ? undefined : channels.receiveNow(visitor, this.#object, this.#view);
  }

  /** Sends if it need not wait. @returns whether it was sent; it may be refused while another core is just changing the channel. Throws as `send` rejects. */
  trySend(value: T): boolean { return this.#trySend(this.#pack(value)); }
  #trySend(item: Item): boolean {
    if (this.#objects.closed !== undefined) throw this.#objects.closed;
    return this.#attempt(item);
  }
  #attempt(item: Item): boolean {
    this.#item = item;
    if (!this.#objects.visitor.tryVisit(this.#object, this.#attemptInside)) return false;
    if (this.#outcome === 'closed') throw this.#closed();
    return this.#outcome === 'now';
  }

  /** The next value, in an object since it may be undefined, if there is one now. Throws CAP_ERR_CLOSED when there will be none. */
  tryRecv(): { readonly value: T } | undefined {
    if (this.#objects.closed !== undefined) throw this.#objects.closed;
    const { visitor } = this.#objects;
    const item = this.#receiveNow();
    if (item !== undefined) return { value: unpackItem(item) as T };
    let outcome: Item | string | undefined;
    visitor.tryVisit(this.#object, () => { outcome = channels.receive(visitor, this.#object, undefined); });
    if (typeof outcome === 'object') return { value: unpackItem(outcome as Item) as T };
    if (outcome === 'closed') throw this.#closed();
    return undefined;
  }

  /** A case of `select`: the next value is received. */
  receiving(): SelectCase<T> {
    const { visitor } = this.#objects;
    return {
      attempt: () => { const got = this.tryRecv(); return got === undefined ? NOTHING : got.value; },
      enlist: (waiter) => SharedCase.enlist(this.#objects, waiter, {
        what: this.#what, monitor: this.#object,
        queue: (one) => channels.queueReceiver(visitor, this.#object, one),
        take: (node) => unpackItem(channels.receivePromised(visitor, this.#object, node)),
        giveBack: (result, node) => this.#passOn(result, node),
        closed: () => this.#closed(),
      }),
    };
  }
  /** A case of `select`: a copy of `value`, made now, is sent. Throws as `send` rejects. */
  sending(value: T): SelectCase<void> {
    const { visitor } = this.#objects;
    const item = keepItem(this.#pack(value));
    return {
      attempt: () => (this.#trySend(item) ? undefined : NOTHING),
      enlist: (waiter) => SharedCase.enlist(this.#objects, waiter, {
        what: this.#what, monitor: this.#object,
        queue: (one) => channels.queueSender(visitor, this.#object, item, one),
        take: (node) => channels.sendPromised(visitor, this.#object, item, node),
        giveBack: (result, node) => this.#passOn(result, node),
        closed: () => this.#closed(),
      }),
    };
  }

  /** No more is sent; what is held is still received. Whoever waits for what will not come is told: CAP_ERR_CLOSED. */
  close(): void { this.#objects.visit(this.#object, () => channels.close(this.#objects.visitor, this.#object)); }
  [Symbol.dispose](): void { this.close(); }

  /** Receives until the channel is closed and empty. Several may iterate, on any cores: each value goes to one of them. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.recv();
      } catch (error) {
        if (error instanceof ChannelClosed) return undefined;
        throw error;
      }
      yield value;
    }
  }

  #pack(value: T): Item {
    const item = packItem(value, false);
    if (item.length > this.#lengthMax) throw new CapriccioError('CAP_ERR_MEMORY', `the value has ${item.length} bytes, and ${this.#what} holds ${this.#lengthMax} at most; give it more: pool.channel(name, { capacity, bytes })`);
    return item;
  }

  #granted<V>(result: number, node: number, wait: SharedWait<V>, take: () => V): void {
    if ((result & IS_CLOSED) !== 0) {
      this.#objects.visitor.nodes.release(node);
      wait.reject(this.#closed());
    } else this.#objects.visit(this.#object, () => wait.succeed(take()));
  }

  #passOn(result: number, node: number): void {
    const { visitor } = this.#objects;
    if ((result & IS_CLOSED) !== 0) { visitor.nodes.release(node); return; }
    this.#objects.visit(this.#object, () => {
      channels.returnPromise(visitor, this.#object, node, result);
      visitor.nodes.recycle(node);
      channels.advanceChannel(visitor, this.#object);
    });
  }

  #closed(): ChannelClosed { return new ChannelClosed(this.#what); }
}

/** What of the options bounds the wait. */
function limitOf(options: SharedSendOptions | undefined): SharedWaitOptions | undefined {
  if (typeof options !== 'object' || options === null || !('transfer' in options)) return options;
  const { transfer: _, ...limit } = options;
  return limit;
}

setDirect(SharedChannel.prototype.send, function sendDirect(this: SharedChannel<unknown>, value: unknown, options?: SharedSendOptions) { return this.sendDirect(value, options); });
setDirect(SharedChannel.prototype.recv, function recvDirect(this: SharedChannel<unknown>, options?: SharedWaitOptions) { return this.recvDirect(options); });
