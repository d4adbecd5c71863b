/**
 * The worker's end of one server: owns an http.Server that gets its connections from main (or listens itself, with reusePort), and makes threads of
 * requests. Next: request-threads.ts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Histogram } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { Runtime } from '@capriccio/worker';
import type { HostedApp } from '../http/app-shape.ts';
import { warn } from '../http/contain.ts';
import type { WriteCoalescer } from '../http/coalesce.ts';
import { BACKLOG } from './address.ts';
import type { Ends } from './ends.ts';
import { limitBody } from './limit-body.ts';
import { linger, lingerIfUnread, lingerOnErrors, onHandleOf } from './linger.ts';
import { RequestThreads, type Fronts, type RequestRuntime } from './request-threads.ts';
import type { HostOptions } from './serve-options.ts';
import type { Unserved } from './unserved-report.ts';

/** For node:http: headers may not have more time than the whole request has, 0 is no limit, and limits are looked at only so often. */
function timeLimits({ headersMs, bodyMs }: HostOptions): { headersTimeout: number; requestTimeout: number; connectionsCheckingInterval: number } {
  const headersTimeout = bodyMs > 0 ? Math.min(headersMs, bodyMs) : headersMs;
  const least = Math.min(headersTimeout || Infinity, bodyMs || Infinity);
  return { headersTimeout, requestTimeout: bodyMs, connectionsCheckingInterval: Math.max(20, Math.min(30_000, Math.ceil(least / 4))) };
}

/**
 * A socket on the handle of one that was moved here, as http.Server would have accepted it. V8 keeps the fields of a moved object in a dictionary,
 * which costs node:http a fifth more a request. Where there is none the moved socket is used as it is.
 */
function asAccepted(moved: Socket): Socket { return onHandleOf(moved) ?? moved; }

/** What a new connection may take to send its first request to a server that closes: its bytes are on their way, and a reset would lose them. */
const FIRST_REQUEST_MS = 500;

type HostRuntime = RequestRuntime & Pick<Runtime, 'hold'>;

/** One server in this worker; in local-server.ts, one in the main thread; in warm-up.ts, one of nobody's. */
export class Host {
  readonly #app: HostedApp;
  readonly #server: Server;
  readonly #threads: RequestThreads;
  readonly #coalescer: WriteCoalescer;
  readonly #letGo: () => void;
  readonly #onConnections: (change: number) => void;
  readonly #ends: Ends | undefined;
  readonly #options: HostOptions;
  readonly #sockets = new Set<Socket>();
  /** Connections that have brought no request yet. */
  readonly #fresh = new Set<Socket>();
  #whenEmpty: (() => void) | undefined;

  constructor(runtime: HostRuntime, app: HostedApp, fronts: Fronts | undefined, options: HostOptions, coalescer: WriteCoalescer, onConnections: (change: number) => void, ends: Ends | undefined, tell: (route: string, times: Histogram) => void, unserved: Unserved) {
    this.#app = app;
    this.#options = options;
    this.#coalescer = coalescer;
    this.#onConnections = onConnections;
    this.#ends = ends;
    this.#threads = new RequestThreads(runtime, app.listener, options, coalescer, tell, unserved, fronts);
    const count = (socket: Socket): void => { this.#fresh.add(socket); this.#count(socket); };
    const end = (socket: Socket, last?: string, error?: Error): void => {
      coalescer.flushHeld();                                             // answers that wait for others of their read
      linger(socket, (rest) => { ends?.add(-1); this.#count(rest); }, last, error);   // for main it is the connection that it was
    };
    this.#server = createServer({ ...timeLimits(options), keepAliveTimeout: options.keepAliveMs, noDelay: true });
    this.#server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      if (this.#fresh.size > 0) this.#fresh.delete(req.socket);
      if (req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined) lingerIfUnread(req, end);
      if (limitBody(req, res, options.bodyBytes, end)) this.#threads.add(req, res);
    });
    lingerOnErrors(this.#server, end);
    const { upgrade } = app;
    if (upgrade !== undefined) this.#server.on('upgrade', (req: IncomingMessage, ...rest: [socket: Duplex, head: Buffer]) => { this.#fresh.delete(req.socket); upgrade(req, ...rest); });
    this.#server.on('connection', count);
    coalescer.attach(this.#server);
    this.#letGo = runtime.hold();
  }

  /** Listens itself, or makes ready for connections from main. @returns the port it listens on, 0 if it does not */
  async open(): Promise<number> {
    if (this.#options.accept === 'placed') {
      this.#server.emit('listening');                                  // node:http begins to watch its time limits here
      return 0;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ port: this.#options.port, host: this.#options.host, reusePort: true, backlog: BACKLOG }, resolve);
    await promise;
    return (this.#server.address() as AddressInfo).port;
  }

  /** Main has accepted a connection for this worker. */
  take(moved: Socket): void {
    const socket = asAccepted(moved);
    socket.setNoDelay(true);
    this.#server.emit('connection', socket);
    socket.resume();
  }

  #count(socket: Socket): void {
    this.#sockets.add(socket);
    this.#onConnections(1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#fresh.delete(socket);
      this.#onConnections(-1);
      this.#ends?.add(1);
      if (this.#sockets.size === 0) this.#whenEmpty?.();
    });
  }

  /** Gets no more connections, and closes those it has when they have been answered; or serves again. */
  setDraining(isSo: boolean, isForGood = false): void {
    if (!isSo) { this.#threads.resume(); return; }
    this.#threads.drain();
    if (isForGood && this.#server.listening) this.#server.close();
  }

  setLanes(isOpen: boolean): void { this.#threads.setLanes(isOpen); }

  /**
   * Lets running requests end, and those that new connections are about to send, at most `graceMs`; then cuts what is left. For node:http a
   * connection that has sent nothing yet is idle.
   */
  async close(graceMs: number): Promise<void> {
    this.#threads.drain();
    const began = performance.now();
    const closeIdle = (): void => { if (this.#fresh.size === 0 || performance.now() - began > FIRST_REQUEST_MS) this.#server.closeIdleConnections(); };
    if (this.#server.listening) this.#server.close();
    closeIdle();
    const sweep = setInterval(closeIdle, 50);                            // those that have become idle
    if (this.#sockets.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenEmpty = resolve;
      const timer = setTimeout(resolve, graceMs);
      await promise;
      clearTimeout(timer);
    }
    clearInterval(sweep);
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();               // those that have been upgraded are the app's, and end here
    this.#server.emit('close');                                        // ends node:http's watch over time limits
    this.#coalescer.detach(this.#server);
    this.#letGo();
    await this.#app.close();
  }
}

const DEPARTURES: readonly unknown[] = ['CAP_ERR_CANCELLED', 'ECONNRESET', DOMException.ABORT_ERR, 'ABORT_ERR'];
/** What a handler throws because its client has left is nobody's fault: it was cancelled. */
export function reportUnlessGone(error: unknown, req: IncomingMessage): void {
  if (!(req.socket.destroyed && DEPARTURES.includes((error as { code?: unknown } | null)?.code))) warn(error, req);
}
