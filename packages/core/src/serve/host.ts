/**
 * The worker's end of `serve`: loads the app, owns an http.Server that gets its connections from main (or listens itself, with reusePort), and
 * makes threads of requests. Installed as a plug-in of the worker. Next: request-threads.ts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Histogram } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { describeFailure, roles } from '@capriccio/shared';
import { loadModule, type Runtime } from '@capriccio/worker';
import { loadApp, type HostedApp } from '../http/app-shape.ts';
import { warn } from '../http/contain.ts';
import { WriteCoalescer } from '../http/coalesce.ts';
import { BACKLOG } from './address.ts';
import { limitBody } from './limit-body.ts';
import { linger, lingerIfUnread, lingerOnErrors, onHandleOf } from './linger.ts';
import { SERVE, type FromHost, type ToHost } from './messages.ts';
import { refuseToListen } from './no-listening.ts';
import { RequestThreads } from './request-threads.ts';
import type { HostOptions } from './serve-options.ts';
import { UnservedReport, type Unserved } from './unserved-report.ts';

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

/** Connections that have ended, told to main once a turn of the event loop. */
class Ends {
  readonly #tell: (count: number) => void;
  #count = 0;
  #isDue = false;
  constructor(tell: (count: number) => void) { this.#tell = tell; }

  /** @param count  -1: one that is about to end goes on under another socket */
  add(count: number): void {
    this.#count += count;
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (this.#count > 0) this.#tell(this.#count);
      this.#count = Math.min(0, this.#count);
    });
  }
}

/** What a new connection may take to send its first request to a server that closes: its bytes are on their way, and a reset would lose them. */
const FIRST_REQUEST_MS = 500;

/** One server in this worker; in local-server.ts, one in the main thread. */
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

  constructor(runtime: Runtime, app: HostedApp, server: number, options: HostOptions, coalescer: WriteCoalescer, onConnections: (change: number) => void, ends: Ends | undefined, tell: (route: string, times: Histogram) => void, unserved: Unserved) {
    this.#app = app;
    this.#options = options;
    this.#coalescer = coalescer;
    this.#onConnections = onConnections;
    this.#ends = ends;
    this.#threads = new RequestThreads(runtime, app.listener, options, coalescer, tell, unserved, server);
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

/** One server as this worker knows it: loaded, and open while or since the worker took work. */
interface Hosted { readonly order: Extract<ToHost, { action: 'open' }>; host: Promise<Host> | undefined; hasLanes: boolean }

/** All servers of this worker. @returns what takes main's messages */
export function hostServers(runtime: Runtime): (body: unknown) => void {
  refuseToListen();
  const hosted = new Map<number, Hosted>();
  const coalescer = new WriteCoalescer();
  let connections = 0;
  const tell = (body: FromHost): void => runtime.mail.post(0, { kind: 'service', service: SERVE, body });
  const count = (change: number): void => { connections += change; runtime.setConnections(connections); };

  const takesWork = (): boolean => runtime.role === roles.FRONT || runtime.role === roles.BLOCKED;
  const open = async ({ server, url, options }: Hosted['order']): Promise<Host> => {
    const host = new Host(runtime, await loadApp(await loadModule(url), { onError: reportUnlessGone }), server, options, coalescer, count, options.tellsEnds ? new Ends((ended) => tell({ event: 'ended', server, count: ended })) : undefined, (route, histogram) => tell({ event: 'times', server, route, histogram }), new UnservedReport(server, tell));
    try {
      const port = await host.open();
      if (options.accept === 'reusePort' || takesWork()) tell({ event: 'ready', server, port });
      else tell({ event: 'prepared', server });                        // its role has changed meanwhile, and main has heard that it rests
      return host;
    } catch (error) {
      await host.close(0);
      throw error;
    }
  };
  const begin = (one: Hosted): void => {
    const opening = open(one.order);
    void opening.then((host) => host.setLanes(one.hasLanes), ignore);
    one.host = opening;
    opening.catch((error: unknown) => { hosted.delete(one.order.server); tell({ event: 'failed', server: one.order.server, failure: describeFailure(error) }); });
  };
  /** A spare loads the module and runs nothing of it. With reusePort the kernel would deal it connections for good, so it opens no port later either. */
  const prepare = async ({ server, url }: Hosted['order']): Promise<void> => {
    try {
      await loadModule(url);
      tell({ event: 'prepared', server });
    } catch (error) {
      hosted.delete(server);
      tell({ event: 'failed', server, failure: describeFailure(error) });
    }
  };
  runtime.onRole((role) => {
    for (const one of hosted.values()) {
      const { server, options } = one.order;
      if (role === roles.FRONT) {
        if (one.host === undefined) { if (options.accept === 'placed' || !runtime.isStandIn) begin(one); } else void one.host.then((host) => { if (!takesWork()) return; host.setDraining(false); tell({ event: 'ready', server, port: 0 }); }, ignore);
      } else if (role === roles.RETIRING || role === roles.LEAVING) {
        tell({ event: 'resting', server });
        void one.host?.then((host) => host.setDraining(true, role === roles.LEAVING), ignore);
      }
    }
  });

  return (body) => {
    const message = body as ToHost;
    const { server } = message;
    switch (message.action) {
      case 'open': {
        const one: Hosted = { order: message, host: undefined, hasLanes: false };
        hosted.set(server, one);
        if (takesWork()) begin(one);
        else void prepare(message);
        break;
      }
      case 'lanes': {
        const one = hosted.get(server);
        if (one === undefined) break;
        one.hasLanes = message.isOpen;
        void one.host?.then((host) => host.setLanes(one.hasLanes), ignore);
        break;
      }
      case 'connection': {
        const { socket } = message;
        const host = hosted.get(server)?.host;
        const drop = (): void => { socket.destroy(); tell({ event: 'ended', server, count: 1 }); };
        if (host === undefined) { drop(); runtime.countTaken(); } else void host.then((ready) => ready.take(socket), drop).finally(() => runtime.countTaken());
        break;
      }
      case 'close': {
        const host = hosted.get(server)?.host;
        hosted.delete(server);
        Promise.resolve(host?.then((ready) => ready.close(message.graceMs))).catch((error: unknown) => process.emitWarning(error as Error)).finally(() => tell({ event: 'closed', server }));
        break;
      }
      default: throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
  };
}

const ignore = (): void => { /* it has been told when it was opened */ };
