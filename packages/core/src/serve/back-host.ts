/**
 * The back lane's end of `serve`: the same application, without a port. A request comes as a call (lane-messages.ts), goes through node:http's own
 * server on a socket in memory (lane-socket.ts), is run as a thread of its route, and its answer leaves as the bytes that the server wrote.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CapriccioError, describeFailure } from '@capriccio/shared';
import { cpuMs, currentThread, loadModule, type LaneClock, type Runtime } from '@capriccio/worker';
import { loadApp, type HostedApp } from '../http/app-shape.ts';
import { WriteCoalescer } from '../http/coalesce.ts';
import { Bag } from './bag.ts';
import { Exchange, type ExchangeHost } from './exchange.ts';
import { reportUnlessGone } from './host.ts';
import { BODY, LANE, bufferOf, requestRootName, type Answer, type BodyPiece, type RequestArguments } from './lane-messages.ts';
import { LaneSocket } from './lane-socket.ts';
import { limitBody } from './limit-body.ts';
import { SERVE, type FromHost, type ToHost } from './messages.ts';
import { refuseToListen } from './no-listening.ts';
import { RequestThreads } from './request-threads.ts';
import { RouteUsages } from './route-usages.ts';
import type { HostOptions } from './serve-options.ts';

/** Sockets that are kept for the next request. */
const IDLE_MAX = 64;
/** How long a request waits for its server to be opened here: main says so as soon as this lane is ready; ms. */
const OPEN_MS = 10_000;

/** One server's application on this back lane. */
class BackHost implements ExchangeHost {
  readonly me: number;
  readonly #runtime: Runtime;
  readonly #app: HostedApp;
  readonly #server: Server;
  readonly #threads: RequestThreads;
  readonly #idle: LaneSocket[] = [];
  readonly #exchanges: Map<number, Exchange>;
  readonly #usages: RouteUsages;
  readonly #open = new Bag<Exchange>();
  #whenEmpty: (() => void) | undefined;
  /** The request whose bytes the parser is being given, and what it has made of them. */
  #pushing: Exchange | undefined;
  #begun: { req: IncomingMessage; res: ServerResponse } | undefined;

  constructor(runtime: Runtime, app: HostedApp, options: HostOptions, exchanges: Map<number, Exchange>, usages: RouteUsages) {
    this.me = runtime.me.id;
    this.#runtime = runtime;
    this.#app = app;
    this.#exchanges = exchanges;
    this.#usages = usages;
    this.#threads = new RequestThreads(runtime, app.listener, options, new WriteCoalescer(), () => { /* its front counts it */ }, {
      shed: () => { /* nothing is refused here that the front has taken */ },
      expired: (_, { socket }) => {
        const { carried } = socket as LaneSocket;
        if (carried instanceof Exchange) carried.isExpired = true;
      },
    });
    this.#server = createServer({ keepAliveTimeout: options.keepAliveMs, requestTimeout: 0, headersTimeout: 0 });
    const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
      const { carried } = req.socket as LaneSocket;
      if (!(carried instanceof Exchange)) { req.socket.destroy(); return; }
      carried.began(req, res);
      if (!limitBody(req, res, options.bodyBytes)) return;
      if (this.#pushing === carried) this.#begun = { req, res };         // as in front, it begins when the parser has seen all that has come
      else this.#run(req, res, carried);
    };
    this.#server.on('request', onRequest);
    this.#server.on('checkContinue', onRequest);                        // the front has said 100 already
    this.#addIdle();
  }

  /** A socket that the parser reads from: it does from the next tick on, so that later the request begins in the caller's own stretch. */
  #addIdle(): void {
    const socket = new LaneSocket();
    this.#server.emit('connection', socket);
    socket.isArmed = true;
    socket.once('close', () => {
      const at = this.#idle.indexOf(socket);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    this.#idle.push(socket);
  }

  /** Runs a request. @returns the first piece of its answer, mostly all of it */
  request(route: string, values: RequestArguments): Promise<Answer> {
    const socket = this.#idle.pop() as LaneSocket;
    if (this.#idle.length === 0) this.#addIdle();
    const exchange = new Exchange(this, socket, route, values);
    socket.carried = exchange;
    this.#exchanges.set(exchange.number, exchange);
    this.#open.add(exchange);
    currentThread()?.addChild({ isAwaited: true, cancel: () => exchange.abort() });
    const [head, body] = values;
    const bytes = Buffer.from(head, 'latin1');
    this.#pushing = exchange;
    socket.push(body === undefined ? bytes : Buffer.concat([bytes, body]));
    this.#pushing = undefined;
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun !== undefined) this.#run(begun.req, begun.res, exchange);
    return exchange.next();
  }

  /** The first segment is measured here: the call that brought the request may have waited for the application. */
  #run(req: IncomingMessage, res: ServerResponse, { route, arrivedAt }: Exchange): void {
    const clock = this.#runtime.laneClock as LaneClock;
    const cpuAt = cpuMs();
    this.#threads.run(req, res, arrivedAt);
    clock.judge(clock.of(route), cpuMs() - cpuAt, true);
  }

  readMore(exchange: Exchange): void {
    if (exchange.bodyNumber === 0 || exchange.isReading || exchange.req === undefined) return;
    exchange.isReading = true;
    const { caller } = this.#runtime;
    caller.call(caller.target(BODY, 'lane body'), [exchange.bodyNumber], { on: exchange.front }).then((piece) => {
      const [bytes, isLast] = piece as BodyPiece;
      exchange.isReading = false;
      if (isLast) exchange.bodyNumber = 0;
      if (exchange.socket.destroyed || exchange.socket.carried !== exchange) return;
      if (bytes.length > 0) exchange.socket.push(bufferOf(bytes));
      else this.readMore(exchange);
    }, () => { exchange.socket.destroy(); });                            // its client has gone
  }

  ended(exchange: Exchange): void {
    this.#open.delete(exchange);
    if (this.#open.size === 0) this.#whenEmpty?.();
    if (exchange.isDrained) this.#exchanges.delete(exchange.number);
    const { socket } = exchange;
    if (!exchange.isReusable || this.#idle.length >= IDLE_MAX) {
      if (exchange.bodyNumber !== 0) socket.destroy();                   // nobody reads the rest
      return;
    }
    socket.carried = undefined;
    this.#idle.push(socket);
  }

  usedMs({ route }: Exchange): number { return this.#usages.of(route).take(); }

  touched(exchange: Exchange): void {
    const clock = this.#runtime.laneClock as LaneClock;
    clock.pin(clock.of(exchange.route));
  }

  /** Lets running requests end, at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#threads.drain();
    if (this.#open.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenEmpty = resolve;
      const timer = setTimeout(resolve, graceMs);
      await promise;
      clearTimeout(timer);
    }
    for (const { socket } of this.#open) socket.destroy();
    for (const socket of this.#idle.slice()) socket.destroy();
    await this.#app.close();
  }
}

/** All servers of this back lane. @returns what takes main's messages */
export function hostBackLanes(runtime: Runtime): (body: unknown) => void {
  const hosts = new Map<number, PromiseWithResolvers<BackHost>>();
  const exchanges = new Map<number, Exchange>();
  const usages = new RouteUsages(runtime);
  const tell = (body: FromHost): void => runtime.mail.post(0, { kind: 'service', service: SERVE, body });
  const opened = new Map<number, BackHost>();
  /** Undefined: its app does not load here. */
  const openings = new Map<number, Promise<BackHost | undefined>>();

  const hostOf = (server: number): PromiseWithResolvers<BackHost> => {
    let host = hosts.get(server);
    if (host === undefined) {
      host = Promise.withResolvers<BackHost>();
      host.promise.catch(() => { /* told to each request */ });
      hosts.set(server, host);
    }
    return host;
  };

  const request = (server: number, route: string) => (...values: unknown[]): Promise<Answer> => {
    const host = opened.get(server);
    if (host !== undefined) return host.request(route, values as RequestArguments);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new CapriccioError('CAP_ERR_CLOSED', `server ${server} is not open on this lane`)), OPEN_MS);
    return Promise.race([hostOf(server).promise, late]).finally(() => clearTimeout(timer)).then((ready) => ready.request(route, values as RequestArguments));
  };

  runtime.functions.provide(LANE, (argument) => {
    const [what = '', server = '', ...route] = argument.split(' ');
    if (what === 'request') return { fn: request(Number(server), route.join(' ')), rootName: requestRootName(route.join(' ')) };
    return { rootName: `${LANE} ${what}`, fn: what === 'more' ? more : abort };
  });
  const more = async (number: unknown): Promise<Answer> => {
    const exchange = exchanges.get(number as number);
    if (exchange === undefined) return ['', 'cut', false, runtime.me.id, 0, 0, false];
    const answer = await exchange.next();
    if (exchange.isDrained) exchanges.delete(exchange.number);
    return answer;
  };
  const abort = (number: unknown): void => {
    const exchange = exchanges.get(number as number);
    exchanges.delete(number as number);
    exchange?.abort();
  };

  const open = async ({ server, url, options }: Extract<ToHost, { action: 'open' }>): Promise<BackHost | undefined> => {
    try {
      const host = new BackHost(runtime, await loadApp(await loadModule(url), { onError: reportUnlessGone }), options, exchanges, usages);
      await new Promise<void>((resolve) => { setImmediate(resolve); });  // the first socket is read from by then
      if (!openings.has(server)) return host;                            // closed meanwhile
      opened.set(server, host);
      hostOf(server).resolve(host);
      tell({ event: 'ready', server, port: 0 });
      return host;
    } catch (error) {
      hostOf(server).reject(error);
      tell({ event: 'failed', server, failure: describeFailure(error) });
      return undefined;
    }
  };

  runtime.whenDead((dead) => {
    for (const [number, exchange] of exchanges) {
      if (exchange.front !== dead) continue;
      exchanges.delete(number);
      exchange.abort();
    }
  });

  return (body) => {
    const message = body as ToHost;
    const { server } = message;
    if (message.action === 'open') { refuseToListen(); openings.set(server, open(message)); }
    else if (message.action === 'connection') message.socket.destroy();
    else if (message.action === 'close') {
      const opening = openings.get(server);
      openings.delete(server);
      opened.delete(server);
      hosts.delete(server);
      Promise.resolve(opening?.then((host) => host?.close(message.graceMs))).catch((error: unknown) => process.emitWarning(error as Error)).finally(() => tell({ event: 'closed', server }));
    }
  };
}

