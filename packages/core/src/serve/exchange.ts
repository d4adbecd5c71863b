/** One request on a back lane, from the bytes of its head to the last bytes of its answer. Gathers what the app sends until the front takes it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Member } from './bag.ts';
import { AnswerBytes } from './answer-bytes.ts';
import type { Answer, RequestArguments } from './lane-messages.ts';
import type { Carried, LaneSocket, Peer, Written } from './lane-socket.ts';

/** Bytes that may wait for the front before the app is asked to wait. */
const HIGH_WATER_BYTES = 256 * 1024;

export interface ExchangeHost {
  readonly me: number;
  /** The next bytes of the request's body: pushes them into the socket. */
  readMore(exchange: Exchange): void;
  /** The answer is complete, or was cut. */
  ended(exchange: Exchange): void;
  touched(exchange: Exchange): void;
  /** Processor time that this lane has used for its route and has not told of yet, ms. */
  usedMs(exchange: Exchange): number;
}

let lastNumber = 0;

export class Exchange implements Carried, Member {
  place = -1;
  readonly number: number = ++lastNumber;
  readonly socket: LaneSocket;
  readonly route: string;
  readonly peer: Peer;
  readonly arrivedAt: number;
  readonly mayKeepAlive: boolean;
  readonly front: number;
  /** Under which the front has the rest of the body; 0: nothing is left. */
  bodyNumber: number;
  isReading = false;
  /** Its deadline has passed before it was answered. */
  isExpired = false;
  req: IncomingMessage | undefined;
  readonly #host: ExchangeHost;
  readonly #answer: AnswerBytes = new AnswerBytes();
  #held: (() => void) | undefined;
  #state: Answer[1] = 'more';
  #keepsAlive = false;
  #puller: ((answer: Answer) => void) | undefined;
  #willFlush = false;
  /** The front has been given the last piece, and how it ended. */
  #isTold = false;

  constructor(host: ExchangeHost, socket: LaneSocket, route: string, [, , bodyNumber, front, peer, arrivedAt, mayKeepAlive]: RequestArguments) {
    this.#host = host;
    this.socket = socket;
    this.route = route;
    this.bodyNumber = bodyNumber;
    this.front = front;
    this.peer = peer;
    this.arrivedAt = arrivedAt;
    this.mayKeepAlive = mayKeepAlive;
  }

  get hasEnded(): boolean { return this.#state !== 'more'; }

  /** The parser has made its request. */
  began(req: IncomingMessage, res: ServerResponse): void {
    this.req = req;
    if (!this.mayKeepAlive) res.shouldKeepAlive = false;
    res.once('finish', () => {
      this.#keepsAlive = !(res as unknown as { _last: boolean })._last;
      this.#end('done');
    });
  }

  // ---- the socket's ----
  write(chunks: readonly Written[], done: () => void): void {
    for (const written of chunks) this.#answer.push(written);
    if (this.#answer.length <= HIGH_WATER_BYTES) done();
    else this.#held = done;
    this.#flushSoon();
  }
  readMore(): void { this.#host.readMore(this); }
  closed(): void { this.#end('cut'); }
  touched(): void { this.#host.touched(this); }

  #end(state: 'done' | 'cut'): void {
    if (this.hasEnded) return;
    this.#state = state;
    if (this.#puller !== undefined) this.#flush();
    this.#host.ended(this);
  }

  // ---- the front's ----

  /** The next bytes: all of a short answer at once; else what there is when the app has had its turn. */
  next(): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#puller = resolve;
    if (this.hasEnded) this.#flush();
    else if (this.#answer.length > 0) this.#flushSoon();
    return promise;
  }

  #flushSoon(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    setImmediate(() => {
      this.#willFlush = false;
      if (this.#answer.length > 0) this.#flush();
    });
  }

  #flush(): void {
    const puller = this.#puller;
    if (puller === undefined) return;
    this.#puller = undefined;
    const bytes = this.#answer.take();
    const state = this.#answer.length > 0 ? 'more' : this.#state;
    this.#isTold = state !== 'more';
    puller([bytes, state, this.#keepsAlive, this.#host.me, this.number, this.#host.usedMs(this), this.#isTold && this.isExpired]);
    if (this.#answer.length <= HIGH_WATER_BYTES) {
      const held = this.#held;
      this.#held = undefined;
      held?.();
    }
  }

  /** Its client has gone. */
  abort(): void { this.socket.destroy(); }

  /** Everything has been sent and taken: the socket may carry another. */
  get isReusable(): boolean { return this.#state === 'done' && this.#keepsAlive && this.bodyNumber === 0 && this.req?.complete === true && !this.socket.destroyed; }
  /** Nothing is left to be pulled, not even how it ended. */
  get isDrained(): boolean { return this.#isTold; }
}
