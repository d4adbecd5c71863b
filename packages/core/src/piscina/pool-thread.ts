/**
 * One worker of such a pool, with the tasks that it was given: at most `concurrentTasksPerWorker`, and one alone when it can be aborted, for
 * aborting ends the worker. Tasks may be given to it before it is ready; they begin when it is.
 */
import type { LiveWorker } from '../worker-set.ts';
import { Times, type HistogramSummary } from './histogram.ts';
import type { WaitingTask } from './task.ts';

/** What a load balancer and the events `workerCreate` and `workerDestroy` see of it. */
export interface PiscinaWorker {
  readonly id: number;
  readonly currentUsage: number;
  readonly isRunningAbortableTask: boolean;
  readonly histogram: HistogramSummary | null;
  readonly terminating: boolean;
  readonly destroyed: boolean;
}

export class PoolThread {
  readonly worker: LiveWorker;
  readonly callOptions: { readonly on: number };
  readonly running: Set<WaitingTask> = new Set();
  readonly shown: PiscinaWorker;
  readonly times: Times | undefined;
  readonly #concurrency: number;
  /** Its module is loaded: tasks begin at once. */
  isReady = false;
  isEnding = false;
  hasExited = false;
  /** What it threw outside of any task: it is about to exit. */
  failure: { readonly error: unknown } | undefined;
  /** Tasks that were sent together and have not come back; and what it had done of them when it exited. */
  batch: readonly WaitingTask[] | undefined;
  lastWords: readonly unknown[] | undefined;
  idleTimer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #hasAbortable = false;

  constructor(worker: LiveWorker, concurrency: number, keepsTimes: boolean) {
    this.worker = worker;
    this.callOptions = { on: worker.id };
    this.#concurrency = concurrency;
    this.times = keepsTimes ? new Times() : undefined;
    this.shown = show(this);
  }

  get usage(): number { return this.running.size; }

  canTake(task: WaitingTask): boolean {
    if (this.isEnding || this.#hasAbortable) return false;
    return this.running.size === 0 || (!task.isAbortable && this.running.size < this.#concurrency);
  }
  get hasRoom(): boolean { return !this.isEnding && !this.#hasAbortable && this.running.size < this.#concurrency; }

  take(task: WaitingTask): void {
    task.thread = this;
    this.running.add(task);
    if (task.isAbortable) this.#hasAbortable = true;
  }
  /** @returns false when it was not here any more */
  release(task: WaitingTask): boolean {
    if (!this.running.delete(task)) return false;
    if (this.running.size === 0) this.#hasAbortable = false;
    return true;
  }

  /** Releases all. */
  takeAll(): WaitingTask[] {
    const tasks = [...this.running];
    for (const task of tasks) this.release(task);
    return tasks;
  }

  stopIdleTimer(): void {
    if (this.idleTimer === undefined) return;
    clearTimeout(this.idleTimer as NodeJS.Timeout);
    clearImmediate(this.idleTimer as NodeJS.Immediate);
    this.idleTimer = undefined;
  }

  get isRunningAbortableTask(): boolean { return this.#hasAbortable; }
  /** Tasks that it has been given beyond those that it may run at a time: a batch. */
  get ahead(): number { return Math.max(0, this.running.size - this.#concurrency); }
}

/** What others see of it: getters over it, for they may keep the object. */
function show(thread: PoolThread): PiscinaWorker {
  const id = thread.worker.thread.threadId;
  return {
    get id() { return id; },
    get currentUsage() { return thread.usage - thread.ahead; },
    get isRunningAbortableTask() { return thread.isRunningAbortableTask; },
    get histogram() { return thread.times?.summary ?? null; },
    get terminating() { return thread.isEnding; },
    get destroyed() { return thread.hasExited; },
  };
}
