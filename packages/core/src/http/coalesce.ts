/**
 * Write coalescing: the answers to requests that a client has pipelined leave in one write, not in one write each.
 *
 * What node:http does. The requests of one read are parsed and handled in one synchronous stretch. The first response owns the socket; the
 * others queue their bytes in `outputData`. Ticks later the chain runs: response k is written (one system call), its callback emits 'finish',
 * 'finish' gives the socket to response k+1, which is written, and so on. `socket.cork()` cannot help: the chain waits for the callback
 * of each write, and OutgoingMessage.end sets the corked count to 1 and uncorks.
 *
 * What this does. On a socket that pipelines, `uncork` does two things more:
 *   gather  when the response that owns the socket has ended, the ended ones behind it put their bytes, with their callbacks, behind its
 *           bytes first (by node's own `_flushOutput`), so one writev takes them all and its callbacks run the chain as ever;
 *   hold    the first response of a read ends before the next request has been parsed, so there is nothing to gather yet: its bytes
 *           stay corked until the next tick, which comes before anything else that the event loop does.
 * A write is therefore never later than the end of the callback that made it, and `flushHeld` ends the wait sooner.
 *
 * What stays as it was. A socket without a second request in flight is not touched: no override, no wait. Callbacks, 'finish', errors and
 * back-pressure come from the real write, for nothing is ever reported written that is not. Chunked responses are not held (a held
 * socket would change where chunks begin). Nothing is held or gathered above the socket's high-water mark, behind a response that closes
 * the connection, or on a socket that is ending; destroy lets held bytes go first, as they would have been written before it.
 *
 * Rejected: completing `_write` early and writing later (responses would "finish" before the kernel has their bytes; end, destroy and
 * drain would each need an imitation); holding to the end of the event-loop turn (answers wait for other people's work); a subclass
 * by the `ServerResponse` option (Express replaces the prototype).
 *
 * Leans on node:http's `_httpMessage`, `outputData`, `_flushOutput`, `finished`, `_last`: alike in Node 24 and 26. Where one is missing
 * nothing is gathered and node:http works as it does without us.
 */
import { AsyncResource } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Fires for every request of every server in this thread, also for those that node:http answers itself (400, 417, 503). */
const REQUEST_START = 'http.server.request.start';
/** Flushes in a row that found nothing to gather, after which a socket is taken to pipeline no longer. */
const SOLO_MAX = 8;

const kCoalescer: unique symbol = Symbol('capriccio.coalescer');
const kPipeline: unique symbol = Symbol('capriccio.pipeline');

/** The parts of a response that node:http keeps for itself. */
interface Outgoing extends ServerResponse {
  readonly _last: boolean;
  readonly chunkedEncoding: boolean;
  readonly outputData: readonly unknown[] | undefined;
  _flushOutput?(socket: Socket): unknown;
}
interface HttpSocket extends Socket {
  _httpMessage?: Outgoing | null;
  readonly _writableState: { corked: number };
  [kPipeline]?: Pipeline;
}
interface CoalescedServer extends Server { [kCoalescer]?: WriteCoalescer }
interface RequestStart { request: IncomingMessage; response: Outgoing; socket: HttpSocket; server: CoalescedServer }

/** What is known of a socket that has pipelined. */
interface Pipeline {
  readonly coalescer: WriteCoalescer;
  /** Responses in the order of their requests, behind the one that owns the socket and behind all that were gathered. */
  waiting: Outgoing[];
  /** The context in which the bytes were held, while they are: their callbacks belong to it. */
  held: AsyncResource | undefined;
  /** A gathered response closes the connection: nothing may follow it. */
  closing: boolean;
  solo: number;
  readonly uncork: () => void;
  readonly destroy: (error?: Error) => Socket;
}

export interface CoalescingStats {
  /** Responses that shared the write of another. */
  gathered: number;
  /** Times that bytes waited for the next tick. */
  held: number;
}

/** Servers of this thread that are looked after, by whichever coalescer: they share one subscription, for a response that is seen twice is gathered twice. */
let attached = 0;

/** Coalesces the writes of the servers it is attached to. One a thread is enough. */
export class WriteCoalescer implements Disposable {
  readonly stats: CoalescingStats = { gathered: 0, held: 0 };
  readonly #servers: Set<CoalescedServer> = new Set();
  #held: HttpSocket[] = [];
  readonly #onTick = (): void => { this.flushHeld(); };

  /** From now on requests of this server, on whatever socket it was given, are looked after. A request that is alone costs ~10 ns more. */
  attach(server: Server): void {
    if (this.#servers.has(server)) return;
    if (attached++ === 0) subscribe(REQUEST_START, onRequestStart);
    this.#servers.add(server);
    (server as CoalescedServer)[kCoalescer] = this;
  }

  detach(server: Server): void {
    if (!this.#servers.delete(server)) return;
    delete (server as CoalescedServer)[kCoalescer];
    this.flushHeld();
    if (--attached === 0) unsubscribe(REQUEST_START, onRequestStart);
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) this.detach(server);
  }

  /** Writes what waits for the next tick. For a scheduler that is about to run somebody else's work in the same callback. */
  flushHeld(): void {
    if (this.#held.length === 0) return;
    const sockets = this.#held;
    this.#held = [];
    for (const socket of sockets) {
      const context = socket[kPipeline]?.held;
      context?.runInAsyncScope(flush, undefined, socket);
    }
  }

  /** @internal */
  hold(socket: HttpSocket, pipeline: Pipeline): void {
    if (pipeline.held !== undefined) return;
    pipeline.held = new AsyncResource('CAPRICCIO_HELD_WRITE', { requireManualDestroy: true });
    this.stats.held++;
    if (this.#held.push(socket) === 1) process.nextTick(this.#onTick);
  }
}

/** Runs before the response is queued or given the socket: an owner seen here has a request in flight, so this one is pipelined. */
function onRequestStart(message: unknown): void {
  const { request, socket, response, server } = message as RequestStart;
  let pipeline = socket[kPipeline];
  if (!socket._httpMessage) {
    if (pipeline !== undefined) pipeline.waiting.length = 0;   // node's queue is empty: whatever we still list has gone
    return;
  }
  if (pipeline === undefined) {
    const coalescer = server[kCoalescer];
    if (coalescer === undefined) return;
    pipeline = override(socket, coalescer);
  }
  pipeline.solo = 0;
  pipeline.waiting.push(response);
  // node:http puts the header of a response that does not own the socket yet before its queued 100 Continue when the body is a Buffer.
  // A wait of ours must not be what keeps it from owning the socket.
  if (pipeline.held !== undefined && request.headers.expect !== undefined) release(socket, pipeline);
}

function override(socket: HttpSocket, coalescer: WriteCoalescer): Pipeline {
  const { uncork: plainUncork, destroy: plainDestroy } = socket;
  const pipeline: Pipeline = { coalescer, waiting: [], held: undefined, closing: false, solo: 0, uncork: plainUncork, destroy: plainDestroy };
  socket[kPipeline] = pipeline;
  socket.uncork = uncork;
  socket.destroy = destroy;
  return pipeline;
}

function uncork(this: HttpSocket): void {
  const pipeline = this[kPipeline]!;
  if (pipeline.held !== undefined && this.writableCorked === 1) {
    // OutgoingMessage.end uncorks twice; the second time there is nothing new. Anybody else (socket.end) wants the bytes out.
    if (this._httpMessage?.finished === false) return;
    release(this, pipeline);
    return;
  }
  const current = this._httpMessage;
  if (this.writableCorked !== 1 || !current || pipeline.solo > SOLO_MAX || this.writableLength === 0
    || this.writableLength >= this.writableHighWaterMark || !this.writable) {
    pipeline.uncork.call(this);
  } else if (current.finished) {
    gather(this, pipeline, current);
    pipeline.uncork.call(this);
  } else if (current.chunkedEncoding) {
    pipeline.uncork.call(this);
  } else {
    pipeline.coalescer.hold(this, pipeline);
  }
}

function destroy(this: HttpSocket, error?: Error): HttpSocket {
  const pipeline = this[kPipeline]!;
  if (pipeline.held !== undefined) release(this, pipeline);
  pipeline.destroy.call(this, error);
  return this;
}

/** The next tick, or flushHeld: by now whatever was in the same read has been handled. */
function flush(socket: HttpSocket): void {
  const pipeline = socket[kPipeline]!;
  const current = socket._httpMessage;
  if (current?.finished) pipeline.solo = gather(socket, pipeline, current) === 0 ? pipeline.solo + 1 : 0;
  release(socket, pipeline);
}

/** Ends the hold: our cork goes; corks that others have put on top since then stay. */
function release(socket: HttpSocket, pipeline: Pipeline): void {
  pipeline.held = undefined;
  const above = socket.writableCorked - 1;
  if (above < 0) return;
  socket._writableState.corked = 1;
  pipeline.uncork.call(socket);
  for (let n = 0; n < above; n++) socket.cork();
}

/** Puts the bytes of the ended responses right behind `current` into the corked socket. @returns how many */
function gather(socket: HttpSocket, pipeline: Pipeline, current: Outgoing): number {
  const { waiting } = pipeline;
  if (waiting.length === 0 || current._last || pipeline.closing) return 0;
  const first = waiting.indexOf(current) + 1;
  let next = first;
  while (next < waiting.length && socket.writable && socket.writableLength < socket.writableHighWaterMark) {
    const response = waiting[next]!;
    if (!response.finished || !response.outputData?.length || response._flushOutput === undefined) break;
    response._flushOutput(socket);
    next++;
    if (response._last) {
      pipeline.closing = true;
      break;
    }
  }
  waiting.splice(0, next);
  pipeline.coalescer.stats.gathered += next - first;
  return next - first;
}
