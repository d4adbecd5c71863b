/**
 * The crew: which workers a pool has, and why. Front seats are numbered from 0, spares' from SPARE_SEAT; `#reconcile` compares what there should be with
 * what there is, whatever has happened: a death, an activation, a resize, a worker that is to leave. Who takes work at a moment is not decided here but by
 * roles in shared memory (roles.ts, conductor/activations.ts), so that nothing waits for main. Next: worker-set.ts starts and ends threads.
 */
import { lifeOf, roles, type Memory } from '@capriccio/shared';
import { SPARE_SEAT, sharedNow } from '@capriccio/worker';
import type { ConductorThread } from './conductor/conductor-thread.ts';
import type { ActivationNews } from './conductor/activations.ts';
import { probeWorker } from './conductor/probe.ts';
import type { LiveWorker, WorkerSet } from './worker-set.ts';

/** What a pool tells of an activation. */
export interface ActivationEvent {
  /** 'blocked': its core has been given away; 'returned': it is back, and a surplus worker retires. */
  readonly phase: 'blocked' | 'returned';
  readonly worker: number;
  /** The worker that took its place; undefined when there was no spare. */
  readonly spare: number | undefined;
  /** The function or route that it was in; undefined in a callback outside of the scheduler's turns. */
  readonly node: string | undefined;
  /** For how long it has been blocked. */
  readonly blockedMs: number;
}

export interface ActivationStats {
  /** Workers that are ready and take no work; whose place is given away; blocked for over a second of them; draining. */
  readonly spares: number;
  readonly blocked: number;
  readonly zombies: number;
  readonly retiring: number;
  /** Since the start. */
  readonly activated: number;
  readonly blockedMs: number;
}

export interface CrewHost {
  readonly memory: Memory;
  readonly workers: WorkerSet;
  readonly conductor: () => ConductorThread;
  /** Workers kept ready. */
  readonly spares: number;
  readonly isOpen: () => boolean;
  activation(event: ActivationEvent): void;
  warn(message: string): void;
}

export class Crew {
  readonly #host: CrewHost;
  #cores: number;
  /** Modules that some worker has loaded: a spare loads them ahead. */
  readonly #loaded = new Set<string>();
  /** Workers that were blocked for so long that another was started beside, by number; life tells a number's holders apart. */
  readonly #zombies = new Map<number, number>();
  /** Who waits for a worker to have drained. */
  readonly #leaving = new Map<LiveWorker, PromiseWithResolvers<void>>();
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
    return { spares: spare, blocked, zombies: this.#zombies.size, retiring, activated: this.#activated, blockedMs: this.#blockedMs };
  }

  /** The front is ready: the spares are started. */
  started(): void { this.#reconcile(); }

  // ---- what there should be ----

  #reconcile(): void {
    const { workers, spares, isOpen } = this.#host;
    if (!isOpen()) return;
    const seats = new Set<number>();
    for (const worker of workers.all) if (!this.#leaving.has(worker)) seats.add(worker.seat);
    for (const seat of workers.seatsToCome) seats.add(seat);
    for (let seat = 0; seat < this.#cores; seat++) if (!seats.has(seat)) workers.startAt(seat);
    const wanted = spares + Math.min(this.#zombies.size, this.#zombiesMax);
    for (let k = 0; k < wanted; k++) if (!seats.has(SPARE_SEAT + k)) workers.startAt(SPARE_SEAT + k);
    for (const worker of workers.all) {
      const isTooMany = worker.seat >= SPARE_SEAT ? worker.seat >= SPARE_SEAT + wanted && this.#isResting(worker) : worker.seat >= this.#cores;
      if (isTooMany && !this.#leaving.has(worker)) void this.#leave(worker);
    }
  }
  /** Zombies that others are started for: each holds a thread and an isolate for good. */
  get #zombiesMax(): number { return Math.max(2, this.#cores); }
  #isResting(worker: LiveWorker): boolean { return roles.roleOf(this.#host.memory, worker.id) === roles.SPARE; }

  /** Has a worker drain, and ends it. Resolves when it has gone. */
  #leave(worker: LiveWorker): Promise<void> {
    const known = this.#leaving.get(worker);
    if (known !== undefined) return known.promise;
    const gone = Promise.withResolvers<void>();
    this.#leaving.set(worker, gone);
    roles.leave(this.#host.memory, worker.id, sharedNow());
    this.#host.conductor().nudge();
    return gone.promise;
  }

  // ---- what happens ----

  /** A worker takes its place. */
  ready(worker: LiveWorker): void {
    if (worker.seat >= SPARE_SEAT) for (const url of this.#loaded) this.#preload(worker, url);
    this.#host.conductor().nudge();
    this.#reconcile();
  }

  /** A worker has exited. */
  gone(worker: LiveWorker): void {
    this.#zombies.delete(worker.id);
    this.#leaving.get(worker)?.resolve();
    this.#leaving.delete(worker);
    this.#host.conductor().nudge();                                      // its place is taken by a spare before another has started
  }
  /** Whether the seat of a worker that has exited is to be taken again. */
  isWanted(worker: LiveWorker): boolean {
    return !this.#leaving.has(worker) && (worker.seat >= SPARE_SEAT ? worker.seat < SPARE_SEAT + this.#host.spares + Math.min(this.#zombies.size, this.#zombiesMax) : worker.seat < this.#cores);
  }

  /** A worker has loaded a module for the first time. */
  loaded(url: string): void {
    if (this.#loaded.has(url)) return;
    this.#loaded.add(url);
    for (const worker of this.#host.workers.all) if (worker.isReady && worker.seat >= SPARE_SEAT) this.#preload(worker, url);
  }
  #preload(worker: LiveWorker, url: string): void { this.#host.workers.post(worker.id, { kind: 'service', service: 'preload', body: url }); }

  /** A worker that was to leave has nothing left. */
  drained(id: number): void {
    const worker = this.#host.workers.get(id);
    if (worker === undefined || !this.#leaving.has(worker)) return;
    worker.reason = 'it was to leave, and had drained';
    worker.isExpected = true;
    void worker.thread.terminate();
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
    if (lifeOf(memory, worker) !== news.life) return;                    // it has died since
    switch (news.kind) {
      case 'blocked':
        if (news.spare !== 0) this.#activated++;
        this.#host.activation({ phase: 'blocked', worker, spare: news.spare || undefined, node: news.node, blockedMs: news.blockedMs });
        break;
      case 'returned':
        this.#blockedMs += news.blockedMs;
        this.#zombies.delete(worker);
        this.#host.activation({ phase: 'returned', worker, spare: undefined, node: news.node, blockedMs: news.blockedMs });
        this.#reconcile();
        break;
      case 'zombie':
        this.#zombies.set(worker, news.life);
        if (this.#zombies.size > this.#zombiesMax) this.#host.warn(`${this.#zombies.size} workers have been blocked in the kernel for over a second, more than the ${this.#zombiesMax} that others are started for: some cores have no worker; look at the 'activation' events for what blocks`);
        this.#reconcile();
        break;
      default: throw new Error(`unknown news ${JSON.stringify(news)}`);
    }
  }
}
