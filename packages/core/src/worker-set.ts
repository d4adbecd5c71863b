/**
 * The workers of a pool: started together, each under a number of the arena, replaced when they die. A dead worker's number rests until nobody holds
 * anything of it (recovery.ts), so there are more numbers than cores.
 */
import inspector from 'node:inspector';
import { MessageChannel, Worker, receiveMessageOnPort, type MessagePort, type Transferable, type WorkerOptions } from 'node:worker_threads';
import { CapriccioError, OrphanedRegion, markDead, resetControl, type Memory } from '@capriccio/shared';
import { ALL, BACK_SEAT, SPARE_SEAT, TYPELESS, poolDepth, type Envelope, type PortMessage, type Postman, type WorkerStart } from '@capriccio/worker';
import type { FullPoolOptions } from './options.ts';
import { threadUrl } from './places.ts';
import { execArgvOf } from './worker-flags.ts';

/** Pause before a worker is started again after `k` that died before they were ready: doubles from here, ms. */
const BACKOFF_MS = 50;
const BACKOFF_MS_MAX = 5000;
/** What dies of an uncaught error so soon after it was ready, ms, will likely do so again: beyond the first few, and two a core, the next is started later. */
const SHORT_LIFE_MS = 1000;
const SHORT_LIVES_FREE = 4;
/** Back lanes that may die one after the other before they are ready. */
const BACK_FAILURES_MAX = 3;
/** How often resting numbers are looked at while there are some, ms. */
const REAP_MS = 5;

export interface LiveWorker {
  readonly id: number;
  /** Its place among the workers of its lane, which whoever replaces it takes over. */
  readonly seat: number;
  readonly lane: LaneOfWorker;
  readonly serial: number;
  readonly thread: Worker;
  readonly port: MessagePort;
  isReady: boolean;
  /** Connections that servers have handed to it, ever, modulo 2^32: those that have not come yet are not among the ones it shows. */
  handed: number;
  /** When it was ready, ms of `performance.now()`. */
  readyAt: number;
  /** It is being ended because it is not needed any more: nobody has lost anything. */
  isExpected: boolean;
  /** Why it is about to exit: an uncaught error, or what the pool wanted. */
  reason: string | undefined;
  /** That error. */
  error: unknown;
}

/** Front lanes are the cores; undefined where there are no lanes. */
type LaneOfWorker = WorkerStart['lane'];

export interface WorkerSetHost {
  readonly memory: Memory;
  readonly options: FullPoolOptions;
  readonly buffer: SharedArrayBuffer;
  /** Of the blocking graph. */
  readonly graph: SharedArrayBuffer;
  readonly plugins: WorkerStart['plugins'];
  sharedBuffers(): WorkerStart['sharedBuffers'];
  /** Whether calls are measured. */
  measures(): boolean;
  /** A message for main. */
  receive(from: number, message: PortMessage): void;
  /** A worker has taken its number and takes work. */
  onReady(worker: LiveWorker, isReplacement: boolean): void;
  /** A worker has exited, and nobody has been told: what it had begun in shared objects is completed. */
  onExit(worker: LiveWorker): void;
  /** True when nothing in shared objects refers to a dead number any more. */
  isBuried(id: number): boolean;
  /** A worker has exited, and is marked dead: main recovers as every owner does. */
  onDead(worker: LiveWorker, code: number): void;
  /** The same, after that: it is nobody's any more. */
  onGone(worker: LiveWorker): void;
  /** Whether another is to take the seat of one that has exited. */
  isWanted(worker: LiveWorker): boolean;
  /** Back lanes die, so many one after the other, before they are ready: no more are started. */
  onNoBackLane(reason: string): void;
  warn(message: string): void;
  /** Whoever manages its workers one by one (capriccio/piscina): none is replaced, and `add` starts each. */
  readonly managed?: { readonly workerOptions: WorkerOptions };
}

/** A pool may be made in a thread of a pool, as an app may that a pool serves; and no deeper. */
const DEPTH_MAX = 2;

const isSpareSeat = (seat: number): boolean => seat >= SPARE_SEAT && seat < BACK_SEAT;

export class WorkerSet implements Postman {
  readonly #host: WorkerSetHost;
  readonly #workers = new Map<number, LiveWorker>();
  readonly #freeNumbers: number[] = [];
  readonly #orphans: OrphanedRegion[] = [];
  readonly #entry = import.meta.resolve('@capriccio/worker/entry');
  #serial = 0;
  /** Seats whose next worker waits for a number. */
  readonly #missing: number[] = [];
  /** Seats whose next worker waits for a pause to end. */
  readonly #paused: number[] = [];
  #failures = 0;
  #backFailures = 0;
  /** Workers, one after the other, that died soon of what nobody caught. */
  #shortLives = 0;
  #isClosed = false;
  #reaper: NodeJS.Timeout | undefined;
  #hello: { resolve: () => void; reject: (error: unknown) => void; left: number } | undefined;

  /** Throws CAP_ERR_OPTION for a pool in a thread of a pool in a thread of a pool: a module that makes the pool which runs it would go on for ever. */
  constructor(host: WorkerSetHost) {
    if (poolDepth() >= DEPTH_MAX) throw new CapriccioError('CAP_ERR_OPTION', 'a pool is made in a thread of a pool, which was itself made in one: does a module make the pool that runs it? Let a pool run modules that make none, or make it only if (import.meta.main)');
    this.#host = host;
    for (let id = host.memory.layout.participantCount - 1; id >= 1; id--) this.#freeNumbers.push(id);
  }

  get all(): IterableIterator<LiveWorker> { return this.#workers.values(); }
  /** Those that are to take work, and are ready to. */
  get readyCount(): number { return [...this.#workers.values()].filter(({ isReady, seat }) => isReady && seat < SPARE_SEAT).length; }
  /** The fronts and their spares, without back lanes. */
  get crew(): LiveWorker[] { return [...this.#workers.values()].filter(({ lane }) => lane !== 'back'); }
  get backLanes(): LiveWorker[] { return [...this.#workers.values()].filter(({ lane }) => lane === 'back'); }
  get(id: number): LiveWorker | undefined { return this.#workers.get(id); }
  /** Numbers of dead workers that something still refers to. */
  get restingCount(): number { return this.#orphans.length; }

  /** Starts all workers at once; resolves when each is ready. Rejects with what the first that failed died of. */
  async start(count: number): Promise<void> {
    if (count === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { name, startMs } = this.#host.options;
    const timer = setTimeout(() => reject(new CapriccioError('CAP_ERR_TIMEOUT', `the workers of ${name} were not ready within ${startMs} ms; what do they import? (startMs gives them longer)`)), startMs);
    this.#hello = { resolve, reject, left: count };
    try {
      for (let seat = 0; seat < count; seat++) this.#startOne(seat, false);
      await promise;
    } catch (error) {
      throw startError(error);
    } finally {
      clearTimeout(timer);
      this.#hello = undefined;
    }
    for (const { thread, port } of this.#workers.values()) { thread.unref(); port.unref(); }
  }

  /** Starts one more worker. Nothing waits for it. */
  startAt(seat: number, isSpare: boolean = isSpareSeat(seat)): void { this.#startOne(seat, true, isSpare); }
  /** One more back lane. @param number  from 0 */
  startBack(number: number): void { if (!this.#isClosed) this.#startOne(BACK_SEAT + number, true); }
  /** Seats whose worker will be started by itself. */
  get seatsToCome(): readonly number[] { return [...this.#missing, ...this.#paused]; }

  /** Starts one more, of a set that is managed from outside. Undefined while no number is free: those of dead workers come to rest a moment later. */
  add(): LiveWorker | undefined {
    const id = this.#freeNumbers.pop();
    if (id === undefined) return undefined;
    return this.#startAs(id, this.#workers.size, false, false);
  }

  #startOne(seat: number, isReplacement: boolean, isSpare = isSpareSeat(seat)): void {
    const id = this.#freeNumbers.pop();
    if (id === undefined) { this.#missing.push(seat); this.#reapSoon(); return; }  // as soon as a number is at rest
    this.#startAs(id, seat, isReplacement, isSpare);
  }

  #startAs(id: number, seat: number, isReplacement: boolean, isSpare: boolean): LiveWorker {
    const { options, memory, buffer, graph, plugins, managed } = this.#host;
    const lane: LaneOfWorker = seat >= BACK_SEAT ? 'back' : options.lanes && managed === undefined ? 'front' : undefined;
    const { port1, port2 } = new MessageChannel();
    const serial = ++this.#serial;
    const execArgv = execArgvOf(options);
    const start: WorkerStart = {
      buffer, ...managed === undefined && !options.without.includes('recorder') ? { graph } : {}, layout: memory.layout, id, seat, serial, port: port2, sharedBuffers: this.#host.sharedBuffers(), plugins, measures: this.#host.measures(), depth: poolDepth() + 1,
      sliceMs: options.sliceMs, quantumMs: options.quantumMs, retriesMax: options.retriesMax, cancelGraceMs: options.cancelGraceMs, deadlock: options.deadlock, hasWindows: options.hasWindows, hasForecasts: !options.without.includes('forecasts'), hasBrake: !options.without.includes('brake'), seesHunger: !options.without.includes('hunger'), knowsUrls: !options.without.includes('urls'), compile: options.compile, isInspected: inspector.url() !== undefined, stacks: options.stacks, isSpare, mayBlock: true, lane,
    };
    const thread = new Worker(threadUrl(this.#entry), {
      workerData: start, transferList: [port2], name: `${options.name.slice(0, 11)}-${id}`, ...execArgv === undefined ? {} : { execArgv },
      ...options.env === undefined ? {} : { env: options.env }, ...options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits },
      ...this.#host.managed?.workerOptions,
    });
    const worker: LiveWorker = { id, seat, lane, serial, thread, port: port1, isReady: false, handed: 0, readyAt: Infinity, isExpected: false, reason: undefined, error: undefined };
    this.#workers.set(id, worker);
    port1.on('message', (envelope: Envelope) => this.#route(worker, envelope, isReplacement));
    thread.on('error', (error: unknown) => { worker.reason ??= describeDeath(error); worker.error = error; });
    thread.on('exit', (code) => this.#exited(worker, code));
    if (isReplacement) {
      thread.unref();
      port1.unref();
      const timer = setTimeout(() => { if (!worker.isReady) this.replace(worker, `it was not ready within ${options.startMs} ms`); }, options.startMs).unref();   // it hangs in something that it imports
      thread.once('exit', () => clearTimeout(timer));
    }
    return worker;
  }

  #route(worker: LiveWorker, { to, from, message, moved }: Envelope, isReplacement: boolean): void {
    if (message.kind === 'service' && message.service === 'ready') { this.#ready(worker, isReplacement); return; }
    if (message.kind === 'service' && message.service === TYPELESS) { warnOnce(message.body as string); return; }
    if (to === 0 || to === ALL) this.#host.receive(from, message);
    if (to === ALL) this.broadcast(message, from);
    else if (to !== 0) this.#relay(to, from, message, moved);
  }

  #ready(worker: LiveWorker, isReplacement: boolean): void {
    worker.isReady = true;
    worker.readyAt = performance.now();
    if (worker.lane === 'back') this.#backFailures = 0;
    else this.#failures = 0;
    this.#host.onReady(worker, isReplacement);
    if (!isReplacement && this.#hello !== undefined && --this.#hello.left === 0) this.#hello.resolve();
  }

  /** From worker to worker. What was moved to main moves on. */
  #relay(to: number, from: number, message: PortMessage, moved: readonly unknown[] = []): void {
    const worker = this.#workers.get(to);
    if (worker === undefined) return;                                  // it is dead: recovery tells the sender
    worker.port.postMessage({ to, from, message } satisfies Envelope, moved as Transferable[]);
  }

  #exited(worker: LiveWorker, code: number): void {
    const { memory } = this.#host;
    this.#workers.delete(worker.id);
    this.#drainPort(worker);
    worker.port.close();
    worker.reason ??= code === 0 ? 'it ended by itself' : `it exited with code ${code}`;
    this.#host.onExit(worker);
    markDead(memory, worker.id);
    this.#host.onDead(worker, code);
    this.#unlessCorrupt(worker.id, () => { this.#orphans.push(new OrphanedRegion(memory, worker.id)); });
    this.#reapSoon();
    if (this.#isClosed || this.#host.managed !== undefined) return;
    const isWanted = worker.lane === 'back' || this.#host.isWanted(worker);
    this.#host.onGone(worker);
    const isShortLife = worker.error !== undefined && performance.now() - worker.readyAt < SHORT_LIFE_MS;
    this.#shortLives = isShortLife ? this.#shortLives + 1 : 0;
    const surplus = this.#shortLives - SHORT_LIVES_FREE - 2 * this.#host.options.cores;
    if (!isWanted || (worker.isReady && surplus <= 0)) { if (isWanted) this.#startOne(worker.seat, true); return; }
    if (worker.isReady) { this.#startLater(worker, surplus, 'a worker died again soon after its start'); return; }
    if (worker.lane === 'back' && ++this.#backFailures >= BACK_FAILURES_MAX) { this.#host.onNoBackLane(worker.reason); return; }
    this.#failures++;
    if (this.#hello !== undefined) { this.#hello.reject(new CapriccioError('CAP_ERR_WORKER_LOST', `a worker of ${this.#host.options.name} died before it was ready: ${worker.reason}`, { started: false })); return; }
    this.#startLater(worker, this.#failures, 'a worker died before it was ready');
  }

  /** @param failures  so many times before, which make the pause longer */
  #startLater(worker: LiveWorker, failures: number, what: string): void {
    const pause = Math.min(BACKOFF_MS * 2 ** failures, BACKOFF_MS_MAX);
    this.#host.warn(`${what} (${worker.reason}); the next is started in ${pause} ms`);
    this.#paused.push(worker.seat);
    setTimeout(() => {
      this.#paused.splice(this.#paused.indexOf(worker.seat), 1);
      if (!this.#isClosed && (worker.lane === 'back' || this.#host.isWanted(worker))) this.#startOne(worker.seat, true);
    }, pause).unref();
  }

  /** What it posted before it died still counts: results by port among them. */
  #drainPort(worker: LiveWorker): void {
    for (const { to, message, moved } of receiveAll(worker.port)) {
      if (message.kind === 'service' && message.service === 'ready') worker.isReady = true;   // it had come, and died of its first task
      else if (to === 0 || to === ALL) this.#host.receive(worker.id, message);
      if (to === ALL) this.broadcast(message, worker.id);
      else if (to !== 0) this.#relay(to, worker.id, message, moved);
    }
  }

  /** Gives numbers back that nobody refers to any more. */
  #reapSoon(): void {
    if (this.#reaper !== undefined) return;
    this.#reaper = setTimeout(() => {
      this.#reaper = undefined;
      for (let k = this.#orphans.length - 1; k >= 0; k--) {
        const region = this.#orphans[k] as OrphanedRegion;
        const isAtRest = this.#unlessCorrupt(region.id, () => region.isAtRest());
        if (isAtRest === undefined) this.#orphans.splice(k, 1);
        if (isAtRest !== true || !this.#host.isBuried(region.id)) continue;
        resetControl(this.#host.memory, region.id);
        this.#orphans.splice(k, 1);
        this.#freeNumbers.push(region.id);
      }
      while (this.#missing.length > 0 && this.#freeNumbers.length > 0 && !this.#isClosed) this.#startOne(this.#missing.shift() as number, true);
      if (this.#orphans.length > 0 || this.#missing.length > 0) this.#reapSoon();
    }, REAP_MS).unref();
  }

  /** What a dead worker has left may be corrupt: its number is not used again then, and the others go on. */
  #unlessCorrupt<R>(id: number, look: () => R): R | undefined {
    try { return look(); } catch (error) {
      this.#host.warn(`the shared memory of worker ${id}, which has ended, is corrupt: ${String(error)}; its number is not used again`);
      return undefined;
    }
  }

  // ---- Postman ----
  post(to: number, message: PortMessage, transfer: readonly unknown[] = []): void {
    const worker = this.#workers.get(to);
    if (worker === undefined) throw new CapriccioError('CAP_ERR_WORKER_LOST', `worker ${to} has died`, { started: false });
    worker.port.postMessage({ to, from: 0, message } satisfies Envelope, transfer as Transferable[]);
  }
  broadcast(message: PortMessage, except = 0): void {
    for (const { id, port } of this.#workers.values()) if (id !== except) port.postMessage({ to: id, from: 0, message } satisfies Envelope);
  }
  receiveNow(): void {
    for (const worker of this.#workers.values()) for (const envelope of receiveAll(worker.port)) this.#route(worker, envelope, true);
  }

  /** Ends one worker that does not react. Another takes its place. */
  replace(worker: LiveWorker, reason: string): void {
    worker.reason = reason;
    void worker.thread.terminate();
  }

  /** Ends all workers. @returns those that had not exited after `ms`: a thread blocked in a system call cannot be ended */
  async close(ms: number): Promise<number[]> {
    this.#isClosed = true;
    const exits = [...this.#workers.values()].map(async (worker) => { worker.reason ??= 'the pool was closed'; await worker.thread.terminate(); });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([Promise.all(exits), late]);
    clearTimeout(timer);
    for (const { port } of this.#workers.values()) port.close();
    return [...this.#workers.keys()];
  }
}

/** Of a process, whatever pools it has. */
const warned = new Set<string>();
function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  process.emitWarning(text, { code: TYPELESS });
}

function* receiveAll(port: MessagePort): Generator<Envelope> {
  for (;;) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) return;
    yield received.message as Envelope;
  }
}

/** Node checks flags, limits and environment when the first worker is made. */
function startError(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  return code?.startsWith('ERR_') === true ? new CapriccioError('CAP_ERR_OPTION', `a worker cannot be started with these options: ${message}`, { cause: error }) : error;
}

function describeDeath(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const { code } = error as { code?: unknown };
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it ran out of memory' : `it threw ${error.name}: ${error.message}`;
}
