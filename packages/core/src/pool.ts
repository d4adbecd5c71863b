/**
 * The pool: main's end of everything. It composes the arena, main's own participant and caller, the workers, and what users see of them.
 * Next: worker-set.ts for workers, @capriccio/worker's caller.ts for calls, remote.ts for remote modules.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import {
  CapriccioError, Participant, RING_COUNT_MAX, Tasks, allocateMemory, board, layOut, lifeOf, mapMemory, markLive, roles, type Memory,
} from '@capriccio/shared';
import {
  Arrivals, CallTimes, Caller, CarriedStores, LANES, MEASURE, SPARE_SEAT, SharedBufferTable, SharedObjects, chooseWorker, sharedNow, type LaneMessage, type Overrun, type PortMessage,
  type Postman, type SharedBarrier, type SharedChannel, type SharedChannelOptions, type SharedCondition, type SharedMutex, type SharedPrimitives,
  type ContextCodec, type SharedRwLock, type SharedSemaphore, type SharedSemaphoreOptions, type WorkerStart,
} from '@capriccio/worker';
import { CallBook, type FunctionHistograms, type MadeHistogram } from './admin/call-book.ts';
import { CallAdmission } from './call-admission.ts';
import { withLanes } from './lanes/lane-graph.ts';
import { BackLanes } from './lanes/back-lanes.ts';
import { Collector } from './collector.ts';
import { partsOf, type AuditNews, type PartNews } from './conductor/parts.ts';
import { ConductorThread } from './conductor/conductor-thread.ts';
import { checkNumber, checkObject, refuse } from './check.ts';
import { Crew, coresMaxOf } from './crew.ts';
import { follow } from './context.ts';
import { coreLostChannel, coreReadyChannel } from './diagnostics.ts';
import { ExpiredBook } from './expired-book.ts';
import { Hanging, type PoolThread } from './hanging.ts';
import { InProcess } from './in-process.ts';
import { BlockingGraph } from './graph.ts';
import { GraphBook } from './graph-book.ts';
import { addressOf } from './places.ts';
import type { PoolEvents } from './pool-events.ts';
import { statsOf, type Health, type PoolStats } from './pool-stats.ts';
import type { FullPoolOptions } from './options.ts';
import { moduleUrl, remoteModule, targetOf, type Remote } from './remote.ts';
import { SERVE, type FromHost } from './serve/messages.ts';
import { RunningServer, type PoolServer } from './serve/pool-server.ts';
import { CheckedPrimitives } from './shared-primitives.ts';
import { ShedBook } from './shed-book.ts';
import { whenCalm } from './standby.ts';
import { Stuck } from './stuck.ts';
import { checkServeOptions, type ServeOptions } from './serve/serve-options.ts';
import { makeObjectsYoung } from './pretenuring.ts';
import { execArgvOf } from './worker-flags.ts';
import { WorkerSet, type LiveWorker, type WorkerSetHost } from './worker-set.ts';

const MAIN = 0;
const NAMES_BYTES = 256 * 1024;
/** Named primitives across cores, and bytes for what they keep. Pages that nobody touches cost no memory. */
const OBJECTS_MAX = 4096;
const OBJECT_BYTES = 64 * 2 ** 20;
/** Threads of a core that may wait for them at a time: as many as slots, up to here. */
const WAITERS_MAX = 65_536;
/** Numbers beyond one a core: for workers that have died and whose regions are not at rest yet. */
const SPARE_NUMBERS = 8;
/** Claim rings of each participant that hold work for back lanes. */
const BACK_RINGS = 3;
/** How long `close` lets running tasks end unless told otherwise, ms. */
const CLOSE_GRACE_MS = 5000;
/** How long `close` waits for threads to exit after that: one that is blocked in a system call never does. */
const EXIT_GRACE_MS = 2000;
/** A worker that has been in one turn for longer counts as stalled, ms. */
const STALLED_MS = 1000;

export interface CloseOptions { /** How long running tasks may go on, ms. Default 5,000. */ graceMs?: number }

/** @internal What capriccio/piscina puts into a pool: its workers are started and ended by it, one by one. */
export interface PoolParts {
  readonly managed: NonNullable<WorkerSetHost['managed']>;
  readonly plugins: WorkerStart['plugins'];
  onReady(worker: LiveWorker): void;
  onDead(worker: LiveWorker, code: number): void;
  /** A message of a service that the pool does not know. */
  receive(from: number, body: unknown): void;
}

/** Cores that run threads; createPool makes it. */
export class Pool extends EventEmitter<PoolEvents> implements AsyncDisposable, SharedPrimitives {
  readonly #options: FullPoolOptions;
  readonly #parts: PoolParts | undefined;
  readonly #memory: Memory;
  readonly #me: Participant;
  readonly #caller: Caller;
  readonly #collector: Collector;
  readonly #arguments = new Arrivals();
  readonly #results = new Arrivals();
  readonly #buffers: SharedBufferTable;
  readonly #workers: WorkerSet;
  readonly #conductor: ConductorThread;
  readonly #crew: Crew;
  readonly #coresMax: number;
  readonly #graph: GraphBook;
  readonly #objects: SharedObjects;
  readonly #primitives: CheckedPrimitives;
  readonly #stores: CarriedStores;
  /** Dead numbers that shared objects may still refer to. */
  readonly #unburied = new Set<number>();
  #hasCalls = false;
  readonly #lanes: BackLanes;
  readonly #modules = new Map<string, object>();
  readonly #services = new Map<string, (from: number, body: unknown) => void>();
  readonly #servers = new Map<number, RunningServer>();
  readonly #calls = new CallBook();
  readonly #hanging: Hanging;
  readonly #stuck: Stuck;
  readonly #shed = new ShedBook((overload) => this.emit('overload', overload), () => (this.#inProcess === undefined ? [...this.#workers.all] : [this.#inProcess.runtime.me]).reduce((sum, { id }) => sum + board.readStatistics(this.#memory, id).begun, 0));
  readonly #expired = new ExpiredBook((expired) => this.emit('expired', expired));
  #idle: PromiseWithResolvers<void> | undefined;
  #lost = 0;
  #rolesSeen = 0;
  /** Why the last holder of a number died. */
  readonly #deaths = new Map<number, string>();
  #stopStandby: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  readonly #inProcess: InProcess | undefined;

  /** @internal createPool calls it */
  constructor(options: FullPoolOptions, parts?: PoolParts) {
    super();
    makeObjectsYoung();
    this.#options = options;
    this.#parts = parts;
    const coresMax = this.#coresMax = Math.max(1, options.cores === 0 ? 0 : coresMaxOf(options.cores));
    const layout = layOut({
      participantCount: Math.min(255, 1 + coresMax + options.spares + SPARE_NUMBERS + options.cores + (options.lanes ? options.cores : 0)), slotCount: options.slots,
      payloadBytes: options.payloadBytes, namesBytes: NAMES_BYTES, ringCount: RING_COUNT_MAX, backRingCount: options.lanes ? BACK_RINGS : 0,
      nodeCount: Math.min(options.slots, WAITERS_MAX), objectCount: OBJECTS_MAX, objectBytes: OBJECT_BYTES,
    });
    const buffer = allocateMemory(layout);
    this.#memory = mapMemory(buffer, layout);
    this.#me = new Participant(this.#memory, MAIN);
    markLive(this.#memory, MAIN);
    this.#objects = new SharedObjects(this.#memory, MAIN, () => this.#setBusy());
    this.#primitives = new CheckedPrimitives(this.#objects);
    this.#graph = new GraphBook(layout.participantCount);
    this.#workers = new WorkerSet({
      memory: this.#memory, options, buffer, graph: this.#graph.buffer,
      plugins: [{ url: addressOf('worker-plugin'), data: undefined }, ...parts?.plugins ?? []],
      ...parts === undefined ? {} : { managed: parts.managed },
      sharedBuffers: () => this.#buffers.entries(), measures: () => this.#caller.measured !== undefined,
      receive: (from, message) => this.#receive(from, message),
      onReady: (worker, isReplacement) => this.#workerReady(worker, isReplacement),
      onExit: ({ id }) => this.#objects.takePlace(id),
      isBuried: (id) => !this.#unburied.has(id),
      onDead: (worker, code) => this.#workerDied(worker, code),
      onGone: (worker) => this.#crew.gone(worker),
      isWanted: (worker) => this.#crew.isWanted(worker),
      onNoBackLane: (reason) => this.#lanes.giveUp(reason),
      warn: (message) => this.#warn(message),
    });
    this.#conductor = new ConductorThread({
      memory: this.#memory, buffer, name: options.name, execArgv: execArgvOf(options),
      parts: partsOf(options, this.#graph.buffer),
      receive: (part, message) => this.#heard({ part, message } as PartNews),
      ended: () => this.#crew.conductorEnded(),
      warn: (message) => this.#warn(message),
    });
    this.#crew = new Crew({
      memory: this.#memory, workers: this.#workers, conductor: () => this.#conductor, spares: options.spares, drainMs: options.drainMs, isOpen: () => this.#state === 'open',
      admit: async (worker) => { await Promise.all([...this.#servers.values()].map((server) => server.admit(worker))); },
      activation: (event) => { this.emit('activation', event); }, laneBlocked: () => this.#lanes.want(true),
      warn: (message) => this.#warn(message),
    }, options.cores);
    if (options.cores === 0) this.#inProcess = new InProcess(buffer, this.#memory.layout, this.#graph.buffer, options, (message) => this.#receive(1, message));
    this.#stores = this.#inProcess?.runtime.stores ?? new CarriedStores();
    const postman: Postman = this.#inProcess ?? this.#workers;
    this.#lanes = new BackLanes({ memory: this.#memory, workers: this.#workers, isOn: options.lanes && parts === undefined, seesHunger: !options.without.includes('hunger'), onGivenUp: () => { for (const server of this.#servers.values()) server.noBackLane(); }, countMax: () => this.#crew.lanesMax, warn: (message) => this.#warn(message) });
    this.#buffers = new SharedBufferTable(0, (number, shared) => postman.broadcast({ kind: 'buffer', number, buffer: shared }), (number) => postman.broadcast({ kind: 'drop', number }));
    this.#hanging = new Hanging({
      objects: this.#objects, isInProcess: options.cores === 0, deadlock: options.deadlock, workers: () => this.stats().workers.filter(({ isReady }) => isReady).map(({ id }) => id),
      post: (worker, service, body) => postman.post(worker, { kind: 'service', service, body }), tell: (report) => this.emit('deadlock', report),
    });
    this.#caller = new Caller(this.#me, new Tasks(this.#me, this.#buffers), {
      publish: () => this.#publish(),
      chooseWorker: (affinity, inBack) => chooseWorker(this.#memory, affinity, inBack),
      isForBack: options.lanes && parts === undefined ? this.#lanes.router.isForBack : undefined,
      retriesMax: options.retriesMax,
      deathOf: (worker) => this.#deaths.get(worker),
      outstandingMax: options.queuedMax,
      stores: this.#stores,
      admit: new CallAdmission(() => this.#crew.cores, (label, retryAfterMs) => this.#shed.note('call', label, 1, retryAfterMs)).admit,
      onBusy: (isBusy) => this.#onBusy(isBusy),
      onCancelled: (call, claimer) => this.#stuck.watchCall(call, claimer),
    }, postman, this.#results, this.#buffers);
    this.#stuck = new Stuck({ memory: this.#memory, workers: this.#workers, graceMs: options.cancelGraceMs, abandon: (call) => this.#caller.abandon(call) });
    if (options.timings === true) this.#measure();
    this.#collector = new Collector(this.#memory, () => this.#collect());
  }

  /** @internal for capriccio/piscina */
  get workers(): WorkerSet { return this.#workers; }
  /** @internal for capriccio/piscina */
  get caller(): Caller { return this.#caller; }
  /** @internal for capriccio/piscina: a call has been placed, so its answer will come */
  expect(): void { this.#collector.expect(); }

  /** @internal Messages of a service that the pool does not know. */
  onService(service: string, receive: (from: number, body: unknown) => void): void { this.#services.set(service, receive); }

  /** @internal */
  async start(): Promise<void> {
    try {
      if (this.cores === 0) await this.#inProcess?.start();
      else {
        await this.#workers.start(this.cores);
        const conductor = setImmediate(() => this.#conductor.start());
        const stop = whenCalm(this.cores, () => this.#crew.startSpares());
        this.#stopStandby = () => { clearImmediate(conductor); stop(); this.#lanes.close(); };
      }
    } catch (error) {
      await this.close({ graceMs: 0 });
      throw error;
    }
  }

  /** Workers that take work at a time. */
  get cores(): number { return this.#crew.cores; }

  // ---- what users call ----

  /** Every exported function of a module, to be run on some core. Loads nothing. Throws CAP_ERR_OPTION for what is no URL or absolute path. */
  module<M>(url: string | URL): Remote<M> {
    const href = moduleUrl(url);
    let found = this.#modules.get(href);
    if (found === undefined) {
      found = remoteModule(this.#caller, href);
      this.#modules.set(href, found);
    }
    return found as Remote<M>;
  }

  /** Calls the default export of a module on some core. */
  run<R>(url: string | URL, ...args: unknown[]): Promise<R> {
    return this.#caller.call(targetOf(this.#caller, moduleUrl(url), 'default'), args) as Promise<R>;
  }

  /**
   * Serves an app on every core, or with cores: 0 in this thread: a module whose default export is an object with `fetch`, a Fastify instance, a (req, res)
   * listener (Express, Koa), or a function that makes one. Rejects with CAP_ERR_MODULE when it is none of these, CAP_ERR_OPTION for an option or a port that cannot be had.
   */
  async serve(app: string | URL, options?: ServeOptions): Promise<PoolServer> {
    const full = checkServeOptions(options);
    const url = moduleUrl(app);
    if (this.#state !== 'open') throw this.#closedError();
    if (full.adminPort !== undefined && this.#options.timings !== false) this.#measure();
    const letGo = this.#collector.keepAlive();
    const told = { onShed: this.#shed.noteRequests, onExpired: this.#expired.note };
    if (this.#inProcess !== undefined) return await this.#inProcess.serve({ observed: this, ...told, onClosed: letGo }, url, full);
    const server = new RunningServer({
      memory: this.#memory, workers: this.#workers, observed: this, noBackLane: (reason) => this.#lanes.giveUp(reason), wantBackLane: () => this.#lanes.want(),
      onClosed: ({ number }) => { this.#servers.delete(number); letGo(); }, ...told,
    }, url, full);
    this.#servers.set(server.number, server);
    await server.open();
    return server;
  }

  /** Calls are measured from now on, those of workers too. */
  #measure(): void {
    if (this.#caller.measured !== undefined) return;
    this.#caller.measured = new CallTimes((name, kind, histogram) => this.#calls.add(MAIN, { name, kind, histogram }));
    (this.#inProcess ?? this.#workers).broadcast({ kind: 'service', service: MEASURE, body: undefined });
  }

  // ---- primitives across cores, by name ----

  /** A mutex: {@link SharedPrimitives} says what all six have in common. */
  mutex(name: string): SharedMutex { return this.#primitives.mutex(name); }
  /** A condition of what `mutex` protects. */
  condition(name: string, mutex: SharedMutex): SharedCondition { return this.#primitives.condition(name, mutex); }
  /** A semaphore with `permits` at the beginning. */
  semaphore(name: string, permits: number, options?: SharedSemaphoreOptions): SharedSemaphore { return this.#primitives.semaphore(name, permits, options); }
  /** A barrier for `parties` threads. */
  barrier(name: string, parties: number): SharedBarrier { return this.#primitives.barrier(name, parties); }
  /** A reader-writer lock. */
  rwlock(name: string): SharedRwLock { return this.#primitives.rwlock(name); }
  /** A channel that holds `capacity` values. */
  channel<T>(name: string, options: SharedChannelOptions): SharedChannel<T> { return this.#primitives.channel<T>(name, options); }

  /**
   * A store whose value follows every call from here to another core: a copy of it, as of an argument, made at the time of the call. A worker knows it by
   * its name, and names its own store in the module that declares it: `pool().context(store)`. Both sides may say what travels (`get`, `set`).
   * Throws CAP_ERR_OPTION without a name, or when the name stands for another store. A call whose value cannot be cloned rejects with CAP_ERR_NOT_CLONEABLE.
   */
  context<S, V = S>(store: AsyncLocalStorage<S>, codec?: ContextCodec<S, V>): void { follow(this.#stores, store, codec); }

  /** Counters as they stand. Cheap: reads shared memory, asks nobody. */
  stats(): PoolStats {
    const ids = this.#inProcess === undefined ? [...this.#workers.all].filter(({ id, seat, lane }) => seat < SPARE_SEAT || lane === 'back' || board.readStatistics(this.#memory, id).begun > 0).map(({ id, isReady, lane = 'front' }) => ({ id, isReady, lane })) : [{ id: this.#inProcess.runtime.me.id, isReady: true, lane: 'front' as const }];
    return {
      cores: this.cores,
      workers: ids.map((worker) => statsOf(this.#memory, worker)),
      calls: { made: this.#caller.made, ended: this.#caller.ended, outstanding: this.#caller.outstanding, waiting: this.#caller.waiting },
      refused: this.#shed.counts(),
      expired: this.#expired.counts(),
      lanes: this.#lanes.stats(),
      lost: this.#lost,
      activations: this.#crew.stats(),
      memory: { arenaBytes: this.#memory.words.byteLength, slotsFree: this.#me.slots.available, payloadBytes: this.#me.blocks.bytesReserved },
    };
  }

  /**
   * The blocking graph: where threads wait, one after the other, what they take on the way, and what the conductor decides from it, in words. At most a
   * quarter of a second old while the pool works; empty until it has worked for a while. With cores: 0 nothing is decided. Goes through JSON; `toDOT()` draws it.
   */
  graph(): BlockingGraph { return new BlockingGraph(this.#inProcess === undefined ? withLanes(this.#graph.graph(), this.#lanes.stats().roots) : this.#inProcess.graph()); }

  /**
   * How long calls took, by function (`images.ts#resize`), from wherever they were made: `perf_hooks` histograms in microseconds, from the call to its end.
   * Empty unless calls are measured (`timings`). Of 200 functions; the others are one, `others`. Makes new ones: not to be called for each request.
   */
  histograms(): ReadonlyMap<string, FunctionHistograms> { return this.#calls.merged(); }

  health(): Health {
    const now = sharedNow();
    const stalled = [...this.#workers.all].filter(({ id, lane }) => lane !== 'back' && board.busyForMs(this.#memory, id, now) > STALLED_MS).map(({ id }) => id);
    const ready = this.#inProcess === undefined ? this.#workers.readyCount : 1;
    const isWhole = ready >= Math.max(1, this.cores) && stalled.length === 0;
    return { status: this.#state === 'open' ? isWhole ? 'ok' : 'degraded' : this.#state, cores: this.cores, ready, stalled, overloaded: this.#shed.isOverloaded };
  }

  /**
   * Changes how many workers take work, from 1 to 4, the machine's processors or what the pool began with, whichever is most. Resolves when the new ones
   * are ready; those that are too many end what they have begun, for 30 s at most, and have gone by then. Rejects with CAP_ERR_OPTION, CAP_ERR_CLOSED; with CAP_ERR_TIMEOUT, two seconds
   * after that, when all is done but that the thread of one is blocked in a system call and cannot be ended.
   */
  async resize(cores: number): Promise<void> {
    if (this.#inProcess !== undefined) refuse('a pool of cores: 0 runs tasks in this thread and cannot be resized');
    checkNumber(cores, 'cores', { min: 1, max: this.#coresMax, integer: true }) ?? refuse('resize needs a number of cores');
    await this.#crew.resize(cores);
  }

  /**
   * Replaces every worker by a fresh one, one after the other, and loses no call and no request: each ends what it has begun, for 30 s at most. Resolves
   * when all have gone. Rejects with what an app threw that does not load any more: the workers that are left go on; and with CAP_ERR_TIMEOUT as resize does.
   */
  async restart(): Promise<void> {
    if (this.#inProcess !== undefined) refuse('a pool of cores: 0 runs tasks in this thread and cannot be restarted');
    await this.#crew.restart();
  }

  /**
   * Every thread of every worker: what it is called, what it waits for and since when, who started it. Workers that do not answer within a second,
   * for they are in a long turn, are left out. Answers are made by the workers: not to be called for each request.
   */
  threads(): Promise<PoolThread[]> { return this.#hanging.threads(); }

  /** Resolves when no call from this thread is outstanding. New calls are accepted meanwhile, and waited for. */
  async drain(): Promise<void> {
    while (this.#caller.outstanding > 0) {
      this.#idle ??= Promise.withResolvers<void>();
      await this.#idle.promise;
    }
  }

  /**
   * Ends the pool: new calls reject with CAP_ERR_CLOSED, running ones may end within `graceMs`, then their workers are ended and they reject with
   * CAP_ERR_CLOSED. Servers drain. Rejects with CAP_ERR_TIMEOUT when a thread cannot be ended (blocked in a system call); the pool is closed then too.
   */
  close(options?: CloseOptions): Promise<void> {
    const given = checkObject(options, 'close', ['graceMs']) as CloseOptions;
    const graceMs = checkNumber(given.graceMs, 'graceMs', { min: 0, max: 2 ** 31 - 1 }) ?? CLOSE_GRACE_MS;
    this.#closing ??= this.#close(graceMs, given.graceMs === undefined ? undefined : { graceMs });
    return this.#closing;
  }
  [Symbol.asyncDispose](): Promise<void> { return this.close(); }

  /** @param serversGrace  undefined: each server has its own */
  async #close(graceMs: number, serversGrace: CloseOptions | undefined): Promise<void> {
    this.#state = 'closing';
    this.#crew.close();
    this.#collector.keepAlive();
    const error = this.#closedError();
    this.#caller.close(error);
    await Promise.all([...this.#servers.values(), ...this.#inProcess?.servers ?? []].map((server) => server.close(serversGrace)));
    if (this.#caller.outstanding > 0 && graceMs > 0) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      await Promise.race([this.drain(), late]);
      clearTimeout(timer);
    }
    this.#caller.failAll(error);                                         // first, so that nobody is told of lost workers
    this.#stopStandby?.();
    this.#objects.close(error);
    await this.#conductor.close();
    const left = await this.#workers.close(EXIT_GRACE_MS);
    this.#hanging.close();
    this.#collector.close();
    this.#inProcess?.close();
    this.#state = 'closed';
    if (left.length > 0) throw new CapriccioError('CAP_ERR_TIMEOUT', `the pool is closed, but ${left.length === 1 ? `worker ${left[0]} has` : `workers ${left.join(', ')} have`} not exited after ${EXIT_GRACE_MS} ms: a thread blocked in a system call cannot be ended, only the process can`);
  }

  #closedError(): CapriccioError { return new CapriccioError('CAP_ERR_CLOSED', `the pool ${this.#options.name} has been closed`); }

  // ---- main's own part ----

  #publish(): void {
    this.#collector.expect(this.#me.publish());
  }

  #collect(): number {
    this.#me.blocks.collect();
    if (roles.changes(this.#memory) !== this.#rolesSeen) {
      this.#rolesSeen = roles.changes(this.#memory);
      this.#caller.leaveBusy();
    }
    const count = this.#caller.collect() + this.#objects.collect();
    if (this.#me.rings.isOverflowing) this.#publish();
    return count;
  }

  #onBusy(isBusy: boolean): void {
    this.#hasCalls = isBusy;
    this.#setBusy();
    if (!isBusy && this.#idle !== undefined) {
      const idle = this.#idle;
      this.#idle = undefined;
      idle.resolve();
    }
  }

  /** Calls are outstanding, or something here waits for a shared object. */
  #setBusy(): void {
    const isBusy = this.#hasCalls || this.#objects.isBusy;
    this.#collector.setBusy(isBusy);
    if (isBusy) this.#collector.expect();
  }

  #receive(from: number, message: PortMessage): void {
    switch (message.kind) {
      case 'arguments': this.#arguments.arrive(message.slot, message.generation, message.values); break;
      case 'result': this.#results.arrive(message.slot, message.generation, message.value); break;
      case 'buffer': this.#buffers.learn(message.number, message.buffer); break;
      case 'drop': this.#buffers.forget(message.number); break;
      case 'service':
        if (this.#hanging.receive(from, message.service, message.body)) break;
        if (message.service === 'watch') this.#stuck.watchWorker(message.body as number);
        else if (message.service === 'loaded') this.#crew.loaded(message.body as string);
        else if (message.service === 'drained') this.#crew.drained(from, message.body as boolean);
        else if (message.service === 'overrun') this.#crew.overran(message.body as Overrun);
        else if (message.service === MEASURE) this.#calls.add(from, message.body as MadeHistogram);
        else if (message.service === LANES) this.#lanes.receive(message.body as LaneMessage);
        else if (message.service === SERVE) this.#servers.get((message.body as FromHost).server)?.receive(from, message.body as FromHost);
        else (this.#services.get(message.service) ?? this.#parts?.receive)?.(from, message.body);
        break;
      default: throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
  }

  // ---- workers that come, go, or do not react ----

  #workerReady(worker: LiveWorker, isReplacement: boolean): void {
    this.#caller.placeWaiting();
    if (worker.lane !== 'back') this.#crew.ready(worker);
    if (isReplacement) {
      const admitted = [...this.#servers.values()].map((server) => server.workerReady(worker));
      if (worker.lane === 'back') void Promise.all(admitted).then(() => this.#lanes.join(worker));   // not before it has what is asked of it
    }
    this.#parts?.onReady(worker);
    const { id, seat, lane = 'front' } = worker;
    const replaced = lane === 'back' ? this.#lanes.ready() : isReplacement;
    if (seat >= SPARE_SEAT && lane !== 'back') return;
    coreReadyChannel.publish({ pool: this.#options.name, core: id, replaced });
    this.emit('worker', { id, replaced, lane });
  }

  #workerDied(worker: LiveWorker, code: number): void {
    if (!worker.isExpected) this.#lost++;
    this.#deaths.set(worker.id, worker.reason ?? 'for no reason that is known');
    this.#graph.forget(worker.id);
    this.#calls.forget(worker.id);
    this.#lanes.forget(worker.id);
    this.#caller.collect();
    this.#me.deaths.acknowledge(() => { /* nothing is placed on main, and it runs nothing */ }, (dead) => {
      this.#caller.recover(dead);
      this.#me.blocks.releaseHeldFor(dead);
      this.#me.forget(dead);
      this.#caller.forget(dead);
      this.#objects.recover(dead);
    });
    this.#unburied.add(worker.id);
    this.#objects.bury(worker.id, () => this.#unburied.delete(worker.id));
    this.#collector.expect();
    this.#hanging.lost(worker.id);
    for (const server of this.#servers.values()) server.workerLost(worker);
    this.#parts?.onDead(worker, code);
    if (worker.isExpected) return;
    coreLostChannel.publish({ pool: this.#options.name, core: worker.id, code, reason: worker.reason ?? '' });
    if (this.#state !== 'open' || this.emit('lost', { id: worker.id, code, reason: worker.reason ?? '', ...worker.error === undefined ? {} : { error: worker.error } }) || worker.error === undefined || !worker.isReady || this.#parts !== undefined) return;
    this.#warn(`worker ${worker.id} died of what nobody caught, and another takes its place: ${(worker.error as Error | null)?.stack ?? worker.reason}`);
  }

  #heard({ part, message }: PartNews): void {
    if (part === 'activations') this.#crew.heard(message);
    else if (part === 'limits') this.#crew.overLimit(message);
    else this.#foundCorrupt(message);
  }

  /** Words of shared memory that nothing of ours can have left there: their worker is not to be trusted with more. */
  #foundCorrupt({ participant, life, what }: AuditNews): void {
    const worker = this.#workers.get(participant);
    if (participant !== MAIN && (worker === undefined || worker.reason !== undefined || lifeOf(this.#memory, participant) !== life)) return;
    const whose = participant === MAIN ? 'the main thread' : `worker ${participant}`;
    this.#warn(`the shared memory of ${whose} is corrupt: ${what}${participant === MAIN ? '; close the pool and make another' : '; it is replaced'}`);
    if (worker !== undefined) this.#workers.replace(worker, `its shared memory is corrupt: ${what}`);
  }

  #warn(message: string): void {
    const warning = new Error(message);
    if (!this.emit('warning', warning)) process.emitWarning(warning);
  }
}
