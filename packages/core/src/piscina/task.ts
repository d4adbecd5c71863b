/** One task: what was submitted, and its promise, which settles once. It waits in a queue, then belongs to a thread. */
import type { Handler } from './handlers.ts';
import { AbortError, onAbort, type AbortSignalAny } from './abort.ts';
import { isMoved, moveListOf, valueSymbol } from './move.ts';
import { queueOptionsSymbol, type PiscinaTask, type Task } from './task-queues.ts';
import type { PoolThread } from './pool-thread.ts';

export interface TaskParts {
  readonly value: unknown;
  readonly filename: string;
  readonly name: string;
  readonly target: Handler;
  readonly transferList: readonly object[] | null | undefined;
  readonly signal: AbortSignalAny | null | undefined;
}

let lastId = 0;

export class WaitingTask {
  readonly taskId: number = ++lastId;
  readonly filename: string;
  readonly name: string;
  readonly created: number = performance.now();
  readonly isAbortable: boolean;
  /** Queues see it under `queueOptionsSymbol`. */
  readonly queueOptions: object | null;
  readonly target: Handler;
  readonly value: unknown;
  readonly transfer: readonly object[] | undefined;
  readonly promise: Promise<unknown>;
  /** The thread that it was given to. */
  thread: PoolThread | undefined = undefined;
  started = 0;
  isSettled = false;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #unwatch: (() => void) | undefined = undefined;

  constructor({ value, filename, name, target, transferList, signal }: TaskParts) {
    this.filename = filename;
    this.name = name;
    this.target = target;
    this.isAbortable = signal !== undefined && signal !== null;
    const moved = isMoved(value) ? moveListOf(value) : [];
    this.value = isMoved(value) ? value[valueSymbol] : value;
    this.transfer = moved.length === 0 && (transferList?.length ?? 0) === 0 ? undefined : [...transferList ?? [], ...moved];
    this.queueOptions = typeof value === 'object' && value !== null ? (value as Partial<PiscinaTask>)[queueOptionsSymbol] ?? null : null;
    this.promise = new Promise((resolve, reject) => { this.#resolve = resolve; this.#reject = reject; });
  }

  /** Rejects when the signal aborts, and tells `stop`. */
  watch(signal: AbortSignalAny, stop: () => void): void {
    this.#unwatch = onAbort(signal, () => {
      this.reject(new AbortError(signal.reason));
      stop();
    });
  }

  /** What queues see: this object, whose symbol is added below, for isolated declarations name no member by a symbol. */
  get asQueued(): PiscinaTask { return this as unknown as PiscinaTask; }
  static of(queued: Task): WaitingTask { return queued as unknown as WaitingTask; }

  resolve(value: unknown): void { if (this.#settle()) this.#resolve(value); }
  reject(error: unknown): void { if (this.#settle()) this.#reject(error); }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.#unwatch?.();
    this.#unwatch = undefined;
    return true;
  }
}

Object.defineProperty(WaitingTask.prototype, queueOptionsSymbol, { configurable: true, get(this: WaitingTask) { return this.queueOptions; } });
