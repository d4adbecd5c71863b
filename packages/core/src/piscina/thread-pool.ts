/**
 * The threads of a piscina and the tasks that wait for one. Tasks are dealt out here, one worker each, as piscina does it, so that its options mean
 * what they meant: order by the queue's choice, at most so many at a time a worker, an aborted task takes its worker along. Values and wakes go
 * through Capriccio's shared memory. Next: pool-thread.ts, task.ts; ../pool.ts for what is below.
 */
import type { CallOptions, Caller, Target } from '@capriccio/worker';
import { checkPoolOptions } from '../options.ts';
import { addressOf } from '../places.ts';
import { Pool } from '../pool.ts';
import type { LiveWorker } from '../worker-set.ts';
import { AbortError } from './abort.ts';
import { mayFollow, type Outcome } from './batch.ts';
import { Parcels, isLastWords } from './courier.ts';
import * as errors from './errors.ts';
import { Trees } from './flat.ts';
import { Handlers } from './handlers.ts';
import { Times } from './histogram.ts';
import { asPath, type FilledOptions, type RunOptions } from './options.ts';
import { PoolThread, type PiscinaWorker } from './pool-thread.ts';
import { ArrayTaskQueue, queueOptionsSymbol, type Task } from './task-queues.ts';
import { WaitingTask } from './task.ts';
import type { ThreadStart } from './worker-plugin.ts';

/** Cores that a pool may be made for; more threads share its arena's numbers. */
const CORES_MAX = 128;
/** When no number of the arena is free for a new thread it is tried again after so long, ms. */
const RETRY_MS = 10;

export interface ThreadPoolHost {
  emit(event: 'drain' | 'needsDrain'): void;
  emit(event: 'error', error: unknown): void;
  emit(event: 'message', message: unknown): void;
  emit(event: 'workerCreate' | 'workerDestroy', worker: PiscinaWorker): void;
}

export class ThreadPool {
  readonly threads: Set<PoolThread> = new Set();
  readonly runTimes: Times = new Times();
  readonly waitTimes: Times = new Times();
  readonly #host: ThreadPoolHost;
  readonly #options: FilledOptions;
  readonly #mayBatch: boolean;
  readonly #parcels = new Parcels();
  readonly #byId = new Map<number, PoolThread>();
  readonly #handlers = new Handlers(() => this.#open().caller);
  #pool: Pool | undefined;
  #caller: Caller | undefined;
  #whenEmpty: (() => void) | undefined;
  #willRetry = false;
  #willCheck = false;
  completed = 0;
  needsDrain = false;
  isClosing = false;

  constructor(host: ThreadPoolHost, options: FilledOptions) {
    this.#host = host;
    this.#options = options;
    this.#mayBatch = options.taskQueue instanceof ArrayTaskQueue && options.loadBalancer === undefined;   // who chooses, chooses each task
    this.#keepMinimum();
  }

  get queueSize(): number {
    let waiting = this.#options.taskQueue.size;
    for (const { ahead } of this.threads) waiting += ahead;
    return waiting;
  }
  get isEmpty(): boolean { return this.queueSize === 0 && [...this.threads].every(({ usage }) => usage === 0); }

  // ---- tasks ----

  /** Takes a task whose options have been checked. */
  run(value: unknown, { filename: given, name: export_, signal, transferList }: RunOptions): Promise<unknown> {
    const filename = given === undefined || given === null ? this.#options.filename : asPath(given);
    if (filename === null || filename === '') return Promise.reject(errors.filenameMissing());
    if (this.isClosing) return Promise.reject(new AbortError('queue is being terminated'));
    if (signal?.aborted === true) return Promise.reject(new AbortError(signal.reason));
    const name = export_ ?? this.#options.name ?? 'default';
    const task = new WaitingTask({ value, filename, name, target: this.#handlers.of(filename, name), transferList, signal });
    if (signal !== undefined && signal !== null) task.watch(signal, () => this.#abort(task));
    this.#accept(task);
    if (this.#isFull() || this.needsDrain) this.#checkSoon();
    return task.promise;
  }

  #accept(task: WaitingTask): void {
    const { taskQueue: queue, maxQueue } = this.#options;
    if (queue.size === 0 && this.#deal(task)) return;
    if (maxQueue !== Infinity && this.queueSize >= maxQueue) { task.reject(maxQueue === 0 ? errors.noQueue() : errors.queueAtLimit()); return; }
    queue.push(task.asQueued);
    if (this.#hasRoom()) this.#dealWaiting();
  }

  /** Gives a task to a thread, a new one if none has room and there may be more. @returns false when none can take it */
  #deal(task: WaitingTask): boolean {
    const thread = this.#choose(task) ?? this.#grow();
    if (thread === undefined || !thread.canTake(task)) return false;
    thread.stopIdleTimer();
    thread.take(task);
    if (thread.isReady) this.#start(thread, task);
    return true;
  }

  #choose(task: WaitingTask): PoolThread | undefined {
    if (this.#options.loadBalancer !== undefined) return this.#chooseByBalancer(task);
    let best: PoolThread | undefined;
    for (const thread of this.threads) {
      if (!thread.canTake(task)) continue;
      if (thread.isReady && thread.usage === 0) return thread;
      if (best === undefined || (thread.isReady && !best.isReady) || (thread.isReady === best.isReady && thread.usage < best.usage)) best = thread;
    }
    if (best === undefined || best.usage === 0 || this.threads.size >= this.#options.maxThreads) return best;
    return this.#grow() ?? best;                                        // all are at work, and there may be more of them
  }

  #chooseByBalancer(task: WaitingTask): PoolThread | undefined {
    const { taskId, filename, name, created, isAbortable } = task;
    const seen = [...this.threads].filter(({ isEnding }) => !isEnding);
    const chosen = this.#options.loadBalancer?.({ taskId, filename, name, created, isAbortable, [queueOptionsSymbol]: task.queueOptions }, seen.map(({ shown }) => shown));
    const thread = seen.find(({ shown }) => shown === chosen);
    return thread?.canTake(task) === true ? thread : undefined;
  }

  #hasRoom(): boolean {
    for (const thread of this.threads) if (thread.hasRoom) return true;
    return this.threads.size < this.#options.maxThreads;
  }
  #isFull(): boolean { return this.queueSize > 0 || !this.#hasRoom(); }

  /** Deals out what waits, as long as it finds a thread. */
  #dealWaiting(): void {
    const { taskQueue: queue, stricterFIFO } = this.#options;
    for (let left = queue.size; left > 0 && this.#hasRoom(); left--) {
      if (this.#mayBatch && this.#dealTogether()) { left = queue.size + 1; continue; }
      const queued = queue.shift();
      if (queued === null || queued === undefined) return;
      const task = WaitingTask.of(queued);
      if (task.isSettled || this.#deal(task)) continue;
      if (stricterFIFO && queue.unshift !== undefined) { queue.unshift(task.asQueued); return; }
      queue.push(task.asQueued);                                                 // an abortable one needs a thread alone: others may pass
    }
  }

  /** Gives several short tasks to an idle thread. @returns false when the next ones are not for that */
  #dealTogether(): boolean {
    const thread = [...this.threads].find(({ isReady, isEnding, usage }) => isReady && !isEnding && usage === 0);
    if (thread === undefined) return false;
    const { taskQueue: queue } = this.#options;
    const tasks: WaitingTask[] = [];
    const trees = new Trees();
    for (let max = 2; tasks.length < max && queue.size > 0;) {
      const queued = queue.shift() as Task;
      const task = WaitingTask.of(queued);
      if (!mayFollow(task, tasks[0], trees)) { queue.unshift?.(queued); break; }
      tasks.push(task);
      max = Math.min(task.target.batch.size, Math.ceil((queue.size + tasks.length) / this.threads.size));
    }
    if (tasks.length < 2) {
      if (tasks[0] !== undefined) queue.unshift?.(tasks[0].asQueued);
      return false;
    }
    this.#startTogether(thread, tasks);
    return true;
  }

  #startTogether(thread: PoolThread, tasks: readonly WaitingTask[]): void {
    thread.stopIdleTimer();
    thread.batch = tasks;
    const now = performance.now();
    for (const task of tasks) {
      thread.take(task);
      task.started = now;
      if (this.#options.recordTiming) this.waitTimes.record(now - task.created);
    }
    const { target: { runBatch } } = tasks[0] as WaitingTask;
    (this.#caller as Caller).call(runBatch, [tasks.map(({ value }) => value)], thread.callOptions).then(
      (outcome) => this.#endedTogether(thread, tasks, outcome as Outcome),
      (error: unknown) => this.#failedTogether(thread, tasks, error),
    );
    this.#pool?.expect();
  }

  #endedTogether(thread: PoolThread, tasks: readonly WaitingTask[], outcome: Outcome): void {
    if (thread.hasExited || thread.batch !== tasks) return;
    thread.batch = undefined;
    const { values, hasMore, us } = outcome;
    const { target: { batch, collect } } = tasks[0] as WaitingTask;
    batch.ranTogether(outcome);
    this.#settleSome(thread, tasks, values, us / 1000 / Math.max(1, values.length));
    this.#giveBack(thread, tasks.slice(values.length + (hasMore ? 1 : 0)));
    if (hasMore) this.#call(thread, tasks[values.length] as WaitingTask, collect, [], thread.callOptions);
    this.#freed(thread);
  }

  #settleSome(thread: PoolThread, tasks: readonly WaitingTask[], values: readonly unknown[], ms: number): void {
    for (let k = 0; k < values.length; k++) {
      const task = tasks[k] as WaitingTask;
      if (!thread.release(task)) continue;
      this.completed++;
      this.#record(thread, ms);
      task.resolve(values[k]);
    }
  }

  /** They have not begun: they are the next again. */
  #giveBack(thread: PoolThread, tasks: readonly WaitingTask[]): void {
    for (const task of tasks.toReversed()) {
      if (!thread.release(task)) continue;
      task.thread = undefined;
      this.#options.taskQueue.unshift?.(task.asQueued);
    }
  }

  /** None has run: its module cannot be loaded, say. Each is told by a call of its own. */
  #failedTogether(thread: PoolThread, tasks: readonly WaitingTask[], error: unknown): void {
    if (thread.hasExited || thread.isEnding || thread.batch !== tasks) return;
    thread.batch = undefined;
    (tasks[0] as WaitingTask).target.batch.forbid();
    if ((error as { code?: unknown } | null)?.code === 'CAP_ERR_WORKER_LOST') return;   // its exit tells them
    this.#giveBack(thread, tasks);
    this.#freed(thread);
  }

  #record(thread: PoolThread, ms: number): void {
    if (!this.#options.recordTiming) return;
    this.runTimes.record(ms);
    thread.times?.record(ms);
  }

  #start(thread: PoolThread, task: WaitingTask): void {
    task.started = performance.now();
    if (this.#options.recordTiming) this.waitTimes.record(task.started - task.created);
    this.#call(thread, task, task.target.run, [task.value], task.transfer === undefined ? thread.callOptions : { ...thread.callOptions, transfer: task.transfer });
  }

  #call(thread: PoolThread, task: WaitingTask, target: Target, values: unknown[], options: CallOptions): void {
    (this.#caller as Caller).call(target, values, options).then(
      (result) => this.#ended(thread, task, result, undefined),
      (error: unknown) => this.#ended(thread, task, undefined, { error }),
    );
    this.#pool?.expect();
  }

  #ended(thread: PoolThread, task: WaitingTask, result: unknown, failure: { readonly error: unknown } | undefined): void {
    if (!thread.release(task)) return;                                  // its thread was ended meanwhile, and the task with it
    this.completed++;
    const ms = performance.now() - task.started;
    this.#record(thread, ms);
    if (this.#mayBatch) task.target.batch.ranAlone(ms);
    if (failure === undefined) task.resolve(this.#parcels.open(thread.worker.id, result, () => this.#pool?.workers.receiveNow()));
    else task.reject(asPiscina(failure.error, task));
    this.#freed(thread);
  }

  /** A thread has room, or is gone. */
  #freed(thread: PoolThread): void {
    if (this.queueSize > 0) this.#dealWaiting();
    if (thread.usage === 0 && thread.isReady && !thread.isEnding) this.#idle(thread);
    if (this.needsDrain) this.#checkSoon();
    if (this.#whenEmpty !== undefined && this.isEmpty) this.#whenEmpty();
  }

  #abort(task: WaitingTask): void {
    const { thread } = task;
    if (thread === undefined) { this.#options.taskQueue.remove(task.asQueued); this.#checkSoon(); return; }
    if (!thread.release(task)) return;
    if (thread.isReady) this.#end(thread);                              // it runs, and nothing but its worker's end stops it
    this.#keepMinimum();
    this.#freed(thread);
  }

  // ---- back-pressure ----

  /** Tells whether there is room: before whoever awaited the last task goes on. */
  #checkSoon(): void {
    if (this.#willCheck) return;
    this.#willCheck = true;
    queueMicrotask(() => {
      this.#willCheck = false;
      const isFull = this.#isFull();
      if (isFull === this.needsDrain) return;
      this.needsDrain = isFull;
      this.#host.emit(isFull ? 'needsDrain' : 'drain');
    });
  }

  // ---- threads ----

  #open(): Pool {
    if (this.#pool !== undefined) return this.#pool;
    const { maxThreads, workerData, atomics, niceIncrement, env, argv, execArgv, resourceLimits, trackUnmanagedFds } = this.#options;
    const start: ThreadStart = { workerData, staysInLoop: atomics !== 'sync', niceIncrement };
    const given = Object.entries({ env, argv, execArgv, resourceLimits, trackUnmanagedFds }).filter(([, value]) => value !== undefined && value !== null);
    const pool = new Pool(checkPoolOptions({ cores: Math.min(CORES_MAX, Math.ceil(maxThreads)), spares: 0, name: 'piscina' }), {
      managed: { workerOptions: Object.fromEntries(given) },
      plugins: [{ url: addressOf('piscina/worker-plugin'), data: start }],
      onReady: ({ id }) => { const thread = this.#byId.get(id); if (thread !== undefined) this.#warmUp(thread); },
      onDead: (worker, code) => this.#died(worker, code),
      receive: (from, body) => this.#receive(from, body),
    });
    this.#pool = pool;
    this.#caller = pool.caller;
    return pool;
  }

  #receive(from: number, body: unknown): void {
    const thread = this.#byId.get(from);
    if (!isLastWords(body)) this.#parcels.arrive(from, body);
    else if (thread !== undefined) thread.lastWords = body.doneBeforeExit;
  }

  #keepMinimum(): void {
    while (!this.isClosing && this.threads.size < this.#options.minThreads) if (this.#grow() === undefined) return;
  }

  /** One thread more, if there may be one. */
  #grow(): PoolThread | undefined {
    if (this.threads.size >= this.#options.maxThreads) return undefined;
    const worker = this.#open().workers.add();
    if (worker === undefined) { this.#retrySoon(); return undefined; }
    const { concurrentTasksPerWorker, workerHistogram } = this.#options;
    const thread = new PoolThread(worker, concurrentTasksPerWorker, workerHistogram);
    this.threads.add(thread);
    this.#byId.set(worker.id, thread);
    worker.thread.on('message', (message: unknown) => this.#host.emit('message', message));
    worker.thread.on('error', (error: unknown) => { thread.failure = { error }; });
    process.nextTick(() => this.#host.emit('workerCreate', thread.shown));
    return thread;
  }

  /** The numbers of threads that have just ended are not at rest yet. */
  #retrySoon(): void {
    if (this.#willRetry) return;
    this.#willRetry = true;
    setTimeout(() => {
      this.#willRetry = false;
      this.#keepMinimum();
      this.#dealWaiting();
    }, RETRY_MS);
  }

  /** It has started. Its default handler is loaded before it counts as ready. */
  #warmUp(thread: PoolThread): void {
    thread.worker.thread.unref();
    thread.worker.port.unref();
    const { filename, name } = this.#options;
    if (filename === null) { this.#ready(thread); return; }
    (this.#caller as Caller).call(this.#handlers.of(filename, name ?? 'default').ready, [], thread.callOptions).then(
      () => this.#ready(thread),
      (error: unknown) => { if (!thread.hasExited && !thread.isEnding) this.#failedToStart(thread, error); },
    );
  }

  #ready(thread: PoolThread): void {
    if (thread.isEnding) return;
    thread.isReady = true;
    for (const task of thread.running) this.#start(thread, task);
    this.#freed(thread);
  }

  /** Its module cannot be loaded: its tasks fail of that, and it is not tried again before there are others. */
  #failedToStart(thread: PoolThread, error: unknown): void {
    thread.takeAll().forEach((task) => task.reject(error));
    this.#end(thread);
    this.#host.emit('error', error);
    this.#freed(thread);
  }

  /** It has nothing to do: above the minimum it ends, at once (when this turn is over) or after the time that was set. */
  #idle(thread: PoolThread): void {
    const { minThreads, idleTimeout } = this.#options;
    if (this.threads.size <= minThreads || idleTimeout === Infinity || thread.idleTimer !== undefined) return;
    const leave = (): void => {
      thread.idleTimer = undefined;
      if (thread.usage === 0 && this.threads.size > minThreads) { this.#end(thread); this.#freed(thread); }
    };
    thread.idleTimer = idleTimeout === 0 ? setImmediate(leave) : setTimeout(leave, idleTimeout).unref();
  }

  /** Ends a thread. What it ran has been settled, or will never be heard of. */
  #end(thread: PoolThread): void {
    if (thread.isEnding) return;
    thread.isEnding = true;
    thread.stopIdleTimer();
    this.threads.delete(thread);
    this.#host.emit('workerDestroy', thread.shown);
    this.#pool?.workers.replace(thread.worker, 'piscina ended it');
  }

  /** It has exited by itself, or has been ended. */
  #died({ id }: LiveWorker, code: number): void {
    const thread = this.#byId.get(id);
    if (thread === undefined) return;
    this.#byId.delete(id);
    thread.hasExited = true;
    const wasWanted = thread.isEnding;
    this.#saveBatch(thread);
    const tasks = thread.takeAll();
    this.completed += tasks.length;
    for (const task of tasks) task.reject(thread.failure === undefined ? errors.exited(code) : thread.failure.error);
    this.#end(thread);
    if (!wasWanted && tasks.length === 0 && thread.failure !== undefined) this.#host.emit('error', thread.failure.error);
    if (!wasWanted && thread.isReady) this.#keepMinimum();
    this.#freed(thread);
  }

  /** It has exited in the middle of a batch: what it had done is done, and what it had not begun has not. */
  #saveBatch(thread: PoolThread): void {
    const { batch, lastWords } = thread;
    if (batch === undefined || lastWords === undefined) return;
    (batch[0] as WaitingTask).target.batch.forbid();
    this.#settleSome(thread, batch, lastWords, 0);
    this.#giveBack(thread, batch.slice(lastWords.length + 1));
  }

  // ---- the end ----

  /** Resolves when nothing waits or runs; false after `ms`. */
  async drained(ms: number): Promise<boolean> {
    if (this.isEmpty) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#whenEmpty = () => resolve(true);
    const timer = ms > 2 ** 31 - 1 ? undefined : setTimeout(() => resolve(false), ms);
    const isEmpty = await promise;
    clearTimeout(timer);
    this.#whenEmpty = undefined;
    return isEmpty;
  }

  /** Rejects what waits. */
  rejectWaiting(error: unknown): void {
    const { taskQueue: queue } = this.#options;
    for (let queued = queue.shift(); queued !== null && queued !== undefined; queued = queue.shift()) WaitingTask.of(queued).reject(error);
  }

  /** Ends everything. A task that is submitted later begins anew. */
  async destroy(): Promise<void> {
    this.rejectWaiting(errors.terminated());
    for (const thread of this.threads) {
      thread.takeAll().forEach((task) => task.reject(errors.terminated()));
      this.#end(thread);
    }
    const pool = this.#pool;
    this.#pool = undefined;
    this.#caller = undefined;
    this.#handlers.clear();
    this.#byId.clear();
    if (this.#whenEmpty !== undefined && this.isEmpty) this.#whenEmpty();
    await pool?.close({ graceMs: 0 });
  }
}

/** Piscina knows no codes: what cannot be cloned is a DataCloneError. */
function asPiscina(error: unknown, { value, transfer }: WaitingTask): unknown {
  if ((error as { code?: unknown } | null)?.code !== 'CAP_ERR_NOT_CLONEABLE') return error;
  try { structuredClone(value, { transfer: [...transfer ?? []] as never }); } catch (native) { return native; }
  return new DOMException((error as Error).message, 'DataCloneError');
}
