/**
 * The crew: which workers a pool has, and why. Front seats are numbered from 0, spares' from SPARE_SEAT; `#reconcile` compares what there should be with
 * what there is, whatever has happened: a death, an activation, a resize, a worker that is to leave. Who takes work at a moment is not decided here but by
 * roles in shared memory (roles.ts, conductor/activations.ts), so that nothing waits for main. Next: worker-set.ts starts and ends threads.
 */
import { CapriccioError, lifeOf, roles, type Memory } from '@capriccio/shared';
import { availableParallelism } from 'node:os';
import { SPARE_SEAT, sharedNow, type Overrun } from '@capriccio/worker';
import { CORES_MAX } from './options.ts';
import type { ConductorThread } from './conductor/conductor-thread.ts';
import type { ActivationNews } from './conductor/activations.ts';
import type { LimitNews } from './conductor/limits.ts';
import { probeWorker } from './conductor/probe.ts';
import type { LiveWorker, WorkerSet } from './worker-set.ts';

/** What a pool tells of an activation. */
export interface ActivationEvent {
  /** 'blocked': its core has been given away; 'returned': it is back, and a surplus worker retires. */
  readonly phase: 'blocked' | 'returned';
  readonly worker: number;
  /** The worker that took its place; undefined when there was no spare, and of back lanes. */
  readonly spare: number | undefined;
  /** The function or route that it was in; undefined in a callback outside of the scheduler's turns. */
  readonly node: string | undefined;
  /** For how long it has been blocked. */
  readonly blockedMs: number;
}

export interface ActivationStats {
  /** Workers that are ready and take no work; whose place is given away; blocked for over three seconds of them; draining. */
  readonly spares: number;
  readonly blocked: number;
  readonly zombies: number;
  readonly retiring: number;
  /** Since the start. */
  readonly activated: number;
  /** Ended at a limit of memory, after others had taken their places. */
  readonly recycled: number;
  readonly blockedMs: number;
}

export interface CrewHost {
  readonly memory: Memory;
  readonly workers: WorkerSet;
  readonly conductor: () => ConductorThread;
  /** Workers kept ready. */
  readonly spares: number;
  readonly isOpen: () => boolean;
  /** Loads the apps of all servers in a worker. Rejects with what one of them threw. */
  readonly admit: (worker: LiveWorker) => Promise<void>;
  activation(event: ActivationEvent): void;
  /** A worker that is to leave has so long to end what it has begun, ms; then it is ended with it. */
  readonly drainMs: number;
  /** A back lane is blocked in the kernel: what is long waits for another. */
  laneBlocked(): void;
  warn(message: string): void;
}

/** A thread that has been ended and has not exited by then will not: it is blocked in a system call, ms. */
const EXIT_MS = 2000;
/** A successor that is not ready by then is given up, ms. */
const SUCCESSOR_MS = 30_000;
/** So many successors may die while they load apps: what one dies of may have nothing to do with them, what two die of has. */
const SUCCESSORS_MAX = 2;
/** A worker that is over a limit again this soon after its start is left alone for a while: the limit is below what the application needs, ms. */
const YOUNG_MS = 10_000;

export class Crew {
  readonly #host: CrewHost;
  #cores: number;
  /** Modules that some worker has loaded: a spare loads them ahead. */
  readonly #loaded = new Set<string>();
  /** Workers that were blocked for so long that another was started beside, by number; life tells a number's holders apart. */
  readonly #zombies = new Map<number, number>();
  /** Back lanes that are blocked, by number, and whether for so long. */
  readonly #blockedLanes = new Map<number, boolean>();
  /** Who waits for a worker to have drained. Resolves with an error when its thread cannot be ended. */
  readonly #leaving = new Map<LiveWorker, PromiseWithResolvers<CapriccioError | undefined>>();
  /** Resolves with the next worker that comes or goes. */
  #change = Promise.withResolvers<void>();
  /** Resizes and restarts, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  /** The seat whose worker waits for its successor. */
  #succeeding: number | undefined;
  /** The same, while that one is not ready yet: whoever dies on the way is followed by another. */
  #awaited: number | undefined;
  #hasStarted = false;
  #hasWarnedOfLimit = false;
  #recycled = 0;
  #activated = 0;
  #blockedMs = 0;

  constructor(host: CrewHost, cores: number) {
    this.#host = host;
    this.#cores = cores;
    roles.setCores(host.memory, cores);
  }

  get cores(): number { return this.#cores; }

  stats(): ActivationStats {
    const { spare, blocked, retiring } = roles.census(this.#host.memory);
    const lanes = [...this.#blockedLanes.values()];
    return { spares: spare, blocked: blocked + lanes.length, zombies: this.#zombies.size + lanes.filter(Boolean).length, retiring, activated: this.#activated, recycled: this.#recycled, blockedMs: this.#blockedMs };
  }

  /** Most back lanes: one a core, and others for those that are blocked. */
  get lanesMax(): number { return this.#cores + Math.min(this.#blockedLanes.size, this.#zombiesMax); }

  /** The fronts can spare a processor, or one is blocked. Not before, for spares that start compete with them. */
  startSpares(): void { this.#hasStarted = true; this.#reconcile(); }

  // ---- what there should be ----

  #reconcile(): void {
    const { workers, spares, isOpen } = this.#host;
    if (!isOpen()) return;
    const seats = new Set<number>();
    for (const worker of workers.crew) if (!this.#leaving.has(worker)) seats.add(worker.seat);
    for (const seat of workers.seatsToCome) seats.add(seat);
    for (let seat = 0; seat < this.#cores; seat++) if (!seats.has(seat)) workers.startAt(seat);
    const wanted = spares + this.#standIns;
    for (let k = 0; k < wanted; k++) if (!seats.has(SPARE_SEAT + k)) workers.startAt(SPARE_SEAT + k);
    for (const worker of workers.crew) {
      const isTooMany = worker.seat >= SPARE_SEAT ? worker.seat >= SPARE_SEAT + wanted && this.#isResting(worker) : worker.seat >= this.#cores;
      if (worker.isReady && (isTooMany || this.#isSurplus(worker)) && !this.#leaving.has(worker)) void this.#leave(worker);   // one that is starting takes its role anew: later
    }
  }
  /** Another sits in its seat, that has come later: one died while its successor was on its way, and was replaced as well. */
  #isSurplus(worker: LiveWorker): boolean {
    if (worker.seat === this.#succeeding || !worker.isReady) return false;
    for (const other of this.#host.workers.crew) if (other.seat === worker.seat && other.serial > worker.serial && other.isReady && !this.#leaving.has(other)) return true;
    return false;
  }
  /** Zombies that others are started for: each holds a thread and an isolate for good. */
  get #zombiesMax(): number { return Math.max(2, this.#cores); }
  /** Spares beyond those that are kept: one for each zombie that still has its seat. */
  get #standIns(): number { return Math.min(this.#zombiesMax, this.#host.workers.crew.filter((worker) => this.#zombies.has(worker.id) && !this.#leaving.has(worker)).length); }
  #isResting(worker: LiveWorker): boolean { return roles.roleOf(this.#host.memory, worker.id) === roles.SPARE; }

  /** Has a worker drain, and ends it. Resolves when it has gone, or with an error when its thread cannot be ended. */
  #leave(worker: LiveWorker): Promise<CapriccioError | undefined> {
    const known = this.#leaving.get(worker);
    if (known !== undefined) return known.promise;
    if (this.#host.workers.get(worker.id) !== worker) return Promise.resolve(undefined);   // it has gone by itself; its number may be another's
    const gone = Promise.withResolvers<CapriccioError | undefined>();
    this.#leaving.set(worker, gone);
    roles.leave(this.#host.memory, worker.id, sharedNow());
    this.#host.conductor().nudge();
    const { drainMs } = this.#host;
    let timer = setTimeout(() => {
      this.#host.warn(`worker ${worker.id} was to leave and has not ended what it had begun within ${drainMs / 1000} s: it is ended with it`);
      this.#end(worker, 'it was to leave, and did not drain');
      timer = setTimeout(() => this.#cannotEnd(worker, gone), EXIT_MS).unref();
    }, drainMs).unref();
    return gone.promise.finally(() => clearTimeout(timer));
  }
  /** Who waits is told; who comes later does not wait for it, and it is counted until it exits. */
  #cannotEnd(worker: LiveWorker, gone: PromiseWithResolvers<CapriccioError | undefined>): void {
    gone.resolve(new CapriccioError('CAP_ERR_TIMEOUT', `worker ${worker.id} takes no work any more and has been told to end, but its thread is blocked in a system call: only the process can end it`));
    const settled = Promise.withResolvers<CapriccioError | undefined>();
    settled.resolve(undefined);
    this.#leaving.set(worker, settled);
  }
  /** Ends a worker that has taken no work. Who waits for those that leave is told, should its thread be blocked in the kernel. */
  #dismiss(worker: LiveWorker, reason: string): void {
    const gone = Promise.withResolvers<CapriccioError | undefined>();
    this.#leaving.set(worker, gone);
    this.#end(worker, reason);
    const timer = setTimeout(() => this.#cannotEnd(worker, gone), EXIT_MS).unref();
    void gone.promise.finally(() => clearTimeout(timer));
  }
  #end(worker: LiveWorker, reason: string): void {
    worker.reason = reason;
    worker.isExpected = true;
    void worker.thread.terminate();
  }

  // ---- what users ask for ----

  /** Resolves when as many take work, and those that are too many have drained and gone. Rejects with CAP_ERR_OPTION, CAP_ERR_CLOSED. */
  resize(cores: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#cores = cores;
      roles.setCores(this.#host.memory, cores);
      this.#reconcile();
      this.#host.conductor().nudge();
      const leaving = [...this.#leaving.values()].map(({ promise }) => promise);
      await this.#until(() => this.#countReady() >= cores, 'the new workers');
      await this.#haveGone(leaving);
    });
  }

  /**
   * Replaces every worker by a new one, one after the other: each leaves when its successor is ready, has loaded what it needs and has opened the
   * servers, and ends what it has begun. Rejects, and leaves the rest as it is, when a successor cannot start or an app does not load.
   */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      const old = this.#host.workers.crew.filter((worker) => !this.#leaving.has(worker)).toSorted((a, b) => a.seat - b.seat);
      const left: Promise<CapriccioError | undefined>[] = [];
      for (const worker of old) {
        if (this.#host.workers.get(worker.id) !== worker || this.#leaving.has(worker)) continue;
        this.#succeeding = worker.seat;
        try { left.push(this.#leave(await this.#succeed(worker))); } finally { this.#succeeding = undefined; }
      }
      for (const worker of this.#host.workers.backLanes) if (worker.isReady) left.push(this.#leave(worker));   // each is followed by another as soon as it has gone; what waits for them waits so long
      await this.#haveGone(left);
    });
  }

  /** Starts a worker for the seat of another and makes it ready: once more, if the first one has died of something on the way. @returns the other, that may leave now */
  async #succeed(worker: LiveWorker): Promise<LiveWorker> {
    const { workers, admit } = this.#host;
    const find = (): LiveWorker | undefined => workers.crew.find(({ seat, serial, isReady }) => seat === worker.seat && serial > worker.serial && isReady);
    for (let attempt = 1; ; attempt++) {
      this.#awaited = worker.seat;
      try {
        workers.startAt(worker.seat, true);
        await this.#until(() => find() !== undefined, `a successor of worker ${worker.id}`);
      } finally { this.#awaited = undefined; }
      const successor = find() as LiveWorker;
      for (const url of this.#loaded) this.#preload(successor, url);
      try {
        await admit(successor);
        return worker;
      } catch (error) {
        const lives = workers.get(successor.id) === successor;
        if (!lives && attempt < SUCCESSORS_MAX) continue;
        if (lives) this.#dismiss(successor, 'an app could not be loaded in it');
        throw error;
      }
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(() => {
      if (!this.#host.isOpen()) throw this.#closedError();
      return work();
    });
    this.#work = done.catch(ignore);
    return done;
  }
  #countReady(): number { return this.#host.workers.crew.filter((worker) => worker.isReady && worker.seat < SPARE_SEAT && !this.#leaving.has(worker)).length; }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new CapriccioError('CAP_ERR_TIMEOUT', `${what} was not ready within ${SUCCESSOR_MS / 1000} s`)), SUCCESSOR_MS);
    late.catch(ignore);
    try {
      while (!isSo()) await Promise.race([this.#change.promise, late]);
    } finally { clearTimeout(timer); }
  }
  /** All who leave have gone. Throws, when the others have, of one that cannot; CAP_ERR_CLOSED when the pool closes meanwhile. */
  async #haveGone(left: readonly Promise<CapriccioError | undefined>[]): Promise<void> {
    const stuck = (await Promise.race([Promise.all(left), this.#closed.promise])).find((error) => error !== undefined);
    if (stuck !== undefined) throw stuck;
  }
  readonly #closed = Promise.withResolvers<never>();
  #closedError(): CapriccioError { return new CapriccioError('CAP_ERR_CLOSED', 'the pool has been closed'); }

  /** The pool closes: who waits for workers is told. */
  close(): void {
    this.#closed.promise.catch(ignore);
    this.#closed.reject(this.#closedError());
    this.#change.promise.catch(ignore);
    this.#change.reject(this.#closedError());
  }
  #changed(): void {
    if (!this.#host.isOpen()) return;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** A worker is over a limit of memory: others take its place, and it leaves when it has drained. */
  overLimit({ worker: id, life, what }: LimitNews): void {
    const { workers, memory, warn } = this.#host;
    const worker = workers.get(id);
    if (worker === undefined || lifeOf(memory, id) !== life || this.#leaving.has(worker)) return;
    if (performance.now() - worker.readyAt < YOUNG_MS) {
      if (!this.#hasWarnedOfLimit) warn(`worker ${id} is over its limit soon after its start (${what}): the limit is lower than what the application needs, so workers are replaced no sooner than after ${YOUNG_MS / 1000} s`);
      this.#hasWarnedOfLimit = true;
      return;
    }
    this.#recycled++;
    void this.#leave(worker);
    this.#reconcile();
  }

  // ---- what happens ----

  /** A worker takes its place. */
  ready(worker: LiveWorker): void {
    if (worker.seat >= SPARE_SEAT) for (const url of this.#loaded) this.#preload(worker, url);
    this.#host.conductor().nudge();
    if (this.#hasStarted) this.#reconcile();
    this.#changed();
  }

  /** A worker has exited. */
  gone(worker: LiveWorker): void {
    this.#zombies.delete(worker.id);
    this.#blockedLanes.delete(worker.id);
    this.#leaving.get(worker)?.resolve(undefined);
    this.#leaving.delete(worker);
    this.#changed();
    queueMicrotask(() => this.#reconcile());
    this.#host.conductor().nudge();                                      // its place is taken by a spare before another has started
  }
  /** Whether the seat of a worker that has exited is to be taken again: not when it was ready to succeed one that still sits there. */
  isWanted(worker: LiveWorker): boolean {
    const { workers, spares } = this.#host;
    if (this.#leaving.has(worker)) return false;
    if (worker.seat !== this.#awaited && workers.crew.some((other) => other !== worker && other.seat === worker.seat && !this.#leaving.has(other))) return false;
    return worker.seat >= SPARE_SEAT ? worker.seat < SPARE_SEAT + spares + this.#standIns : worker.seat < this.#cores;
  }

  /** A worker has loaded a module for the first time. */
  loaded(url: string): void {
    if (this.#loaded.has(url)) return;
    this.#loaded.add(url);
    for (const worker of this.#host.workers.crew) if (worker.isReady && worker.seat >= SPARE_SEAT) this.#preload(worker, url);
  }
  #preload(worker: LiveWorker, url: string): void { this.#host.workers.post(worker.id, { kind: 'service', service: 'preload', body: url }); }

  /** A worker that was to leave has nothing left. What main has sent it meanwhile (a connection) may still be on its way: so it is asked once more. */
  drained(id: number, isLast: boolean): void {
    const worker = this.#host.workers.get(id);
    if (worker === undefined || !this.#leaving.has(worker)) return;
    if (!isLast) this.#host.workers.post(id, { kind: 'service', service: 'leave', body: undefined });
    else this.#end(worker, 'it was to leave, and had drained');
  }

  /** A root keeps its worker for long, again and again: said once. */
  readonly #overrunning = new Set<string>();
  overran({ root, ms }: Overrun): void {
    if (this.#overrunning.has(root)) return;
    this.#overrunning.add(root);
    this.#host.warn(`${root} has run for ${Math.round(ms)} ms at a time without giving way, again and again, and everything else on its worker waited; let it wait (await yieldNow() of capriccio/thread), split it into calls of pool.module, or use the asynchronous form of what it calls`);
  }

  /** The conductor's activations part has something to tell. */
  heard(news: ActivationNews): void {
    const { workers, conductor, memory } = this.#host;
    if (news.kind === 'probe') {
      const worker = workers.get(news.probe.worker);
      if (worker !== undefined) void probeWorker(worker.thread, news.probe).then((answer) => { if (answer !== undefined) conductor().post('activations', answer); });
      return;
    }
    const { worker } = news;
    const known = workers.get(worker);
    if (known === undefined || lifeOf(memory, worker) !== news.life) return;   // it has died since
    if (known.lane === 'back') this.#noteLane(worker, news.kind);
    switch (news.kind) {
      case 'blocked':
        if (news.spare !== 0) this.#activated++;
        else if (known.lane !== 'back') this.startSpares();
        this.#host.activation({ phase: 'blocked', worker, spare: news.spare || undefined, node: news.node, blockedMs: news.blockedMs });
        break;
      case 'returned':
        this.#blockedMs += news.blockedMs;
        this.#zombies.delete(worker);
        this.#host.activation({ phase: 'returned', worker, spare: undefined, node: news.node, blockedMs: news.blockedMs });
        this.#reconcile();
        break;
      case 'zombie':
        if (this.#blockedLanes.has(worker)) break;
        this.#zombies.set(worker, news.life);
        if (this.#zombies.size > this.#zombiesMax) this.#host.warn(`${this.#zombies.size} workers have been blocked in the kernel for over three seconds, more than the ${this.#zombiesMax} that others are started for: some cores have no worker; look at the 'activation' events for what blocks`);
        this.#reconcile();
        break;
      default: throw new Error(`unknown news ${JSON.stringify(news)}`);
    }
  }
  /** Who is blocked, of those whose roles do not say so, is known from the conductor alone: the next one tells it anew. */
  conductorEnded(): void { this.#blockedLanes.clear(); }
  #noteLane(worker: number, kind: 'blocked' | 'returned' | 'zombie'): void {
    if (kind === 'returned') { this.#blockedLanes.delete(worker); return; }
    this.#blockedLanes.set(worker, kind === 'zombie');
    if (kind === 'blocked') this.#host.laneBlocked();
  }
}

const ignore = (): void => { /* told elsewhere */ };

/** How far `resize` may go: every worker that may ever run has its region in the arena. */
export const coresMaxOf = (cores: number): number => Math.max(cores, Math.min(availableParallelism(), CORES_MAX), 4);
