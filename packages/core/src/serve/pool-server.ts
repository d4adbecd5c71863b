/** Main's end of `serve`: opens a host in every worker, and in each that takes the place of a dead one; accepts, and closes gracefully. */
import type { Socket } from 'node:net';
import type { Histogram } from 'node:perf_hooks';
import { CapriccioError, rebuildFailure, type Memory } from '@capriccio/shared';
import { AdminServer } from '../admin/admin-server.ts';
import type { Observed } from '../admin/observed.ts';
import { RouteTimes } from '../admin/route-times.ts';
import { checkNumber, checkObject } from '../check.ts';
import { SPARE_SEAT } from '@capriccio/worker';
import type { LiveWorker, WorkerSet } from '../worker-set.ts';
import { Acceptor } from './acceptor.ts';
import { openError, urlOf } from './address.ts';
import { SERVE, type FromHost, type ToHost } from './messages.ts';
import type { FullServeOptions, HostOptions } from './serve-options.ts';

/** A server of a pool. */
export interface PoolServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Of the admin port, if there is one: /metrics, /livez, /readyz, and the dashboard. */
  readonly adminUrl: string | undefined;
  /** How long the requests of each route took, from a request to its answer, in microseconds: copies of what all cores have recorded since the start. */
  histograms(): ReadonlyMap<string, Histogram>;
  /** Accepts nothing new, lets running requests end within `graceMs` (the server's own unless given), cuts the rest. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** What a server needs of its pool. */
export interface ServerHost {
  readonly memory: Memory;
  readonly workers: WorkerSet;
  /** The pool, as the admin port shows it. */
  readonly observed: Observed;
  /** Starts the first back lane if there is none. @returns false: there are none, and will not be */
  wantBackLane(): boolean;
  /** The app cannot be loaded a second time: nothing is to be handed over. */
  noBackLane(reason: string): void;
  /** The server is closed: the pool need not close it. */
  onClosed(server: RunningServer): void;
  /** A worker has refused requests of a route; it has taken some whose deadlines have passed. */
  onShed(route: string, count: number, retryAfterMs: number): void;
  onExpired(route: string, count: number): void;
}

let lastNumber = 0;

export class RunningServer implements PoolServer {
  readonly number: number = ++lastNumber;
  port = 0;
  readonly #host: ServerHost;
  readonly #options: FullServeOptions;
  readonly #appUrl: string;
  /** Workers that have it, and those of them that take connections. */
  readonly #told = new Set<LiveWorker>();
  readonly #ready = new Set<LiveWorker>();
  readonly #backReady = new Set<LiveWorker>();
  /** Settled when the first back lane has the app, or none will. */
  readonly #firstBack = Promise.withResolvers<void>();
  readonly #opening = new Map<number, PromiseWithResolvers<void>>();
  readonly #closings = new Map<number, PromiseWithResolvers<void>>();
  readonly #acceptor: Acceptor | undefined;
  /** Workers that have come while the others were being opened. */
  readonly #late: LiveWorker[] = [];
  readonly #times = new RouteTimes();
  #admin: AdminServer | undefined;
  #wake: (() => void) | undefined;
  #isOpen = false;
  #closed: Promise<void> | undefined;
  readonly #onAbort = (): void => { void this.close(); };

  constructor(host: ServerHost, appUrl: string, options: FullServeOptions) {
    this.#host = host;
    this.#appUrl = appUrl;
    this.#options = options;
    this.#acceptor = options.accept === 'reusePort' ? undefined : new Acceptor({
      memory: host.memory,
      ready: () => [...this.#ready],
      hand: (worker, socket) => this.#send(worker, { action: 'connection', server: this.number, socket }, [socket]),
    }, options.connectionsMax);
  }

  get adminUrl(): string | undefined { return this.#admin?.url; }
  histograms(): ReadonlyMap<string, Histogram> { return this.#times.merged(); }

  get url(): string { return urlOf(this.#options.host, this.port); }

  /** Loads the app in every worker and listens. Rejects with CAP_ERR_MODULE or the app's own error, CAP_ERR_OPTION for the port. */
  async open(): Promise<void> {
    const { port, host, signal } = this.#options;
    if (signal?.aborted === true) throw new CapriccioError('CAP_ERR_CANCELLED', 'the server was cancelled before it listened', { cause: signal.reason });
    try {
      const [first, ...others] = await this.#firstWorkers();
      await this.#openOn(first as LiveWorker, port);                     // with reusePort the first one finds the port that the others share
      await Promise.all([...others, ...this.#late.splice(0)].map((worker) => this.#openOn(worker, this.port || port)));
      if (this.#acceptor !== undefined) this.port = await this.#acceptor.listen(port, host);
      if (this.#options.adminPort !== undefined) this.#admin = await AdminServer.open(this.#options.adminPort, { pool: this.#host.observed, times: this.#times, isDraining: () => this.#closed !== undefined });
      this.#isOpen = true;
      for (const worker of this.#host.workers.backLanes) if (worker.isReady) void this.workerReady(worker);
      for (const worker of this.#late.splice(0)) void this.workerReady(worker);
      if (Object.values(this.#options.routes).some(({ lane }) => lane === 'back') && this.#host.wantBackLane()) await this.#firstBack.promise;
    } catch (error) {
      await this.close({ graceMs: 0 });
      throw error;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Those that are ready. A worker that is being started, instead of one that died, cannot be told yet: it comes by workerReady. */
  async #firstWorkers(): Promise<LiveWorker[]> {
    for (;;) {
      const ready = [...this.#host.workers.all].filter(({ isReady, lane }) => isReady && lane !== 'back').toSorted((a, b) => a.seat - b.seat);   // spares last: they do not listen
      if (ready.length > 0 && (ready[0] as LiveWorker).seat < SPARE_SEAT) {
        this.#late.length = 0;                                           // they are among them
        return ready;
      }
      await new Promise<void>((resolve) => { this.#wake = resolve; });
      if (this.#closed !== undefined) throw new CapriccioError('CAP_ERR_CLOSED', 'the server was closed before it listened');
    }
  }

  async #openOn(worker: LiveWorker, port: number): Promise<void> {
    const { graceMs: _, signal: __, connectionsMax, adminPort: ___, ...options } = this.#options;
    const opened = Promise.withResolvers<void>();
    this.#opening.set(worker.id, opened);
    this.#told.add(worker);
    this.#send(worker, { action: 'open', server: this.number, url: this.#appUrl, options: { ...options, port, tellsEnds: connectionsMax !== Infinity } satisfies HostOptions });
    if (this.#backReady.size > 0 && worker.lane !== 'back') this.#send(worker, { action: 'lanes', server: this.number, isOpen: true });
    await opened.promise;
  }

  #send(worker: LiveWorker, body: ToHost, transfer: readonly Socket[] = []): void {
    this.#host.workers.post(worker.id, { kind: 'service', service: SERVE, body }, transfer);
  }

  /** A host has said something. */
  receive(from: number, message: FromHost): void {
    const worker = this.#host.workers.get(from);
    switch (message.event) {
      case 'ready':
        if (worker === undefined) return;
        if (message.port !== 0) this.port = message.port;
        if (worker.lane === 'back') this.#setBack(worker, true);
        else this.#ready.add(worker);                                   // nobody connects to a back lane
        this.#settle(from);
        break;
      case 'prepared': this.#settle(from); break;
      case 'resting': if (worker !== undefined) this.#ready.delete(worker); break;
      case 'failed': this.#settle(from, openError(rebuildFailure(message.failure, { where: `worker ${from}` }), this.#appUrl, this.#options)); break;
      case 'times': this.#times.add(from, message.route, message.histogram); break;
      case 'shed': this.#host.onShed(message.route, message.count, message.retryAfterMs); break;
      case 'expired': this.#host.onExpired(message.route, message.count); break;
      case 'ended': if (worker !== undefined) this.#acceptor?.ended(worker, message.count); break;
      case 'closed': this.#closings.get(from)?.resolve(); break;
      default: throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
  }

  #setBack(worker: LiveWorker, isReady: boolean): void {
    const hadOne = this.#backReady.size > 0;
    if (isReady) this.#backReady.add(worker);
    else this.#backReady.delete(worker);
    const hasOne = this.#backReady.size > 0;
    if (hasOne) this.#firstBack.resolve();
    if (hasOne === hadOne) return;
    for (const told of this.#told) if (told.lane !== 'back') this.#send(told, { action: 'lanes', server: this.number, isOpen: hasOne });
  }
  /** There will be no back lane. */
  noBackLane(): void { this.#firstBack.resolve(); }

  #settle(from: number, error?: unknown): void {
    const opening = this.#opening.get(from);
    this.#opening.delete(from);
    if (error === undefined) opening?.resolve();
    else opening?.reject(error);
  }

  /** A worker has come. Rejects with what the app threw there. */
  async admit(worker: LiveWorker): Promise<void> {
    if (this.#closed !== undefined || !this.#isOpen) return;
    if (this.#told.has(worker)) await this.#opening.get(worker.id)?.promise;
    else await this.#openOn(worker, this.port);
  }

  /** The same, and never rejects. */
  async workerReady(worker: LiveWorker): Promise<void> {
    if (this.#closed !== undefined) return;
    if (!this.#isOpen) {
      if (worker.lane === 'back') return;                               // opened there when it is open here
      this.#late.push(worker);
      this.#wake?.();
      return;
    }
    await this.admit(worker).catch((error: unknown) => {
      if (worker.lane === 'back' && this.#host.workers.get(worker.id) === worker) this.#host.noBackLane(`the app ${this.#appUrl} does not load there: ${String(error)}`);
      else if (worker.lane !== 'back' && !worker.isExpected) process.emitWarning(`the app ${this.#appUrl} could not be loaded again in worker ${worker.id}: ${String(error)}`);
    });
  }

  /** A worker has died, and its connections with it. */
  workerLost(worker: LiveWorker): void {
    this.#ready.delete(worker);
    this.#told.delete(worker);
    if (this.#backReady.has(worker)) this.#setBack(worker, false);
    if (this.#late.includes(worker)) this.#late.splice(this.#late.indexOf(worker), 1);
    this.#acceptor?.forget(worker);
    this.#times.forget(worker.id);
    this.#settle(worker.id, new CapriccioError('CAP_ERR_WORKER_LOST', `worker ${worker.id} died while it loaded ${this.#appUrl}: ${worker.reason ?? ''}`, { started: true }));
    this.#closings.get(worker.id)?.resolve();
  }

  close(options?: { graceMs?: number }): Promise<void> {
    const given = checkObject(options, 'close', ['graceMs']);
    const graceMs = checkNumber(given['graceMs'], 'graceMs', { min: 0, max: 2 ** 31 - 1 }) ?? this.#options.graceMs;
    this.#closed ??= this.#close(graceMs);
    this.#wake?.();
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#acceptor?.close();
    this.#firstBack.resolve();
    const told = [...this.#told];
    await this.#closeOn(told.filter(({ lane }) => lane !== 'back'), graceMs);
    await this.#closeOn(told.filter(({ lane }) => lane === 'back'), graceMs);   // what the fronts had handed over has ended, or will not
    this.#ready.clear();
    this.#told.clear();
    await this.#admin?.close();                                          // last: until then it says that the server drains
    this.#host.onClosed(this);
  }

  async #closeOn(workers: readonly LiveWorker[], graceMs: number): Promise<void> {
    await Promise.all(workers.map((worker) => {
      const closed = Promise.withResolvers<void>();
      this.#closings.set(worker.id, closed);
      try { this.#send(worker, { action: 'close', server: this.number, graceMs }); } catch { closed.resolve(); }
      const timer = setTimeout(closed.resolve, graceMs + 1000);         // a worker that is stuck cannot say that it has closed
      return closed.promise.finally(() => clearTimeout(timer));
    }));
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close(); }
}
