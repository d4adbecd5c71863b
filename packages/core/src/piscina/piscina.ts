/** The class Piscina: what a program that was written for piscina 5 holds. It checks what it is given and measures; thread-pool.ts does the work. */
import { EventEmitterAsyncResource } from 'node:events';
import { AbortError } from './abort.ts';
import { closeTimedOut } from './errors.ts';
import type { Histogram } from './histogram.ts';
import { move, transferableSymbol, valueSymbol } from './move.ts';
import { fillOptions, refusalOfClose, refusalOfRun, type CloseOptions, type FilledOptions, type Options, type RunOptions } from './options.ts';
import { ArrayTaskQueue, FixedQueue, queueOptionsSymbol } from './task-queues.ts';
import { ThreadPool } from './thread-pool.ts';
import { version } from './version.ts';
import { workerState } from './worker-state.ts';
import type { Worker } from 'node:worker_threads';

// oxlint-disable typescript/no-explicit-any -- piscina's own types
export class Piscina<T = any, R = any> extends EventEmitterAsyncResource {
  readonly #options: FilledOptions;
  readonly #threads: ThreadPool;
  readonly #began: number = performance.now();
  readonly #histogram: Histogram;

  /** Starts `minThreads` threads. Throws TypeError or RangeError for an option that is wrong, in piscina's words. */
  constructor(options?: Options) {
    super({ name: 'Piscina' });
    const filled = fillOptions(options);
    this.#options = filled;
    this.#threads = new ThreadPool({ emit: (event: string, ...values: unknown[]) => { this.emit(event, ...values); } }, filled);
    const threads = this.#threads;
    this.#histogram = {
      get runTime() { return threads.runTimes.summary; },
      get waitTime() { return threads.waitTimes.summary; },
      resetRunTime: () => threads.runTimes.reset(),
      resetWaitTime: () => threads.waitTimes.reset(),
    };
  }

  /** Runs a handler on some thread. Rejects with what it threw, AbortError when it was aborted, and piscina's errors for a full queue or a lost thread. */
  run(task: T, options: RunOptions = {}): Promise<R> {
    const refusal = refusalOfRun(options);
    return refusal === undefined ? this.#threads.run(task, options) as Promise<R> : Promise.reject(refusal);
  }

  /** Lets what runs and waits end (with `force`, what runs), at most `closeTimeout`; then ends the threads. */
  async close(options: CloseOptions = {}): Promise<void> {
    const refusal = refusalOfClose(options);
    if (refusal !== undefined) throw refusal;
    const threads = this.#threads;
    threads.isClosing = true;
    if (options.force === true) threads.rejectWaiting(new AbortError('pool is closed'));
    if (!await threads.drained(this.#options.closeTimeout)) this.emit('error', closeTimedOut());
    await this.#end();
    this.emit('close');
  }

  /** Ends the threads now; tasks that wait or run reject. */
  async destroy(): Promise<void> {
    this.#threads.isClosing = true;
    await this.#end();
  }
  async #end(): Promise<void> {
    try { await this.#threads.destroy(); } finally { this.#threads.isClosing = false; }
  }
  [Symbol.dispose](): void { void this.close(); }
  [Symbol.asyncDispose](): Promise<void> { return this.close(); }

  get maxThreads(): number { return this.#options.maxThreads; }
  get minThreads(): number { return this.#options.minThreads; }
  get options(): FilledOptions { return this.#options; }
  get threads(): Worker[] { return [...this.#threads.threads].map(({ worker }) => worker.thread); }
  get idleThreads(): number { return [...this.#threads.threads].filter(({ isReady, usage }) => isReady && usage === 0).length; }
  get queueSize(): number { return this.#threads.queueSize; }
  get completed(): number { return this.#threads.completed; }
  get histogram(): Histogram { return this.#histogram; }
  get needsDrain(): boolean { return this.#threads.needsDrain; }
  /** Since it was made, ms. */
  get duration(): number { return performance.now() - this.#began; }
  /** Share of its time, over all threads that there may be, in which tasks ran. */
  get utilization(): number {
    const { count, summary } = this.#threads.runTimes;
    return count === 0 ? 0 : summary.mean * count / (this.duration * this.#options.maxThreads);
  }

  static get isWorkerThread(): boolean { return workerState.isWorkerThread; }
  static get workerData(): any { return workerState.workerData; }
  static get version(): string { return version; }
  static get Piscina(): typeof Piscina { return Piscina; }
  static get FixedQueue(): typeof FixedQueue { return FixedQueue; }
  static get ArrayTaskQueue(): typeof ArrayTaskQueue { return ArrayTaskQueue; }
  static get transferableSymbol(): typeof transferableSymbol { return transferableSymbol; }
  static get valueSymbol(): typeof valueSymbol { return valueSymbol; }
  static get queueOptionsSymbol(): typeof queueOptionsSymbol { return queueOptionsSymbol; }
  static move<V>(value: V): V { return move(value); }
}
