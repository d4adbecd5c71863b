/**
 * A user-level thread of this isolate: what its user holds (join, cancel, signal) and what the scheduler resumes. It runs in one of two forms:
 * a compiled async function, or a generator function, runs as a stack of frames that the scheduler itself resumes (frame.ts); any other function
 * runs natively, and if it is async its promise says when it ends.
 *
 * Cancellation is cooperative and is delivered once: every wait of the thread on our primitives that is open at that moment rejects, frames
 * are resumed by a throw, and `signal` aborts for whatever took it. Waits that begin later, in `finally` blocks, work as ever, so that clean-up
 * can wait. What was started from the thread (children) is cancelled with it.
 */
import { getEventListeners } from 'node:events';
import { CapriccioError } from '@capriccio/shared';
import { FrameStack } from './compiled/frames.ts';
import { numberOfPoint } from './compiled/points.ts';
import type { Root } from './run-queues.ts';
import type { Scheduler } from './scheduler.ts';

export type ThreadStatus = 'queued' | 'ready' | 'running' | 'blocked' | 'done' | 'failed' | 'cancelled';

/** What a user holds of a thread, wherever it runs. Not thenable: `await thread` gives the thread, `await thread.join()` its result. */
export interface Thread<T = unknown> {
  readonly id: number;
  readonly name: string;
  readonly status: ThreadStatus;
  /** The result. Rejects with what the thread threw; CAP_ERR_CANCELLED when it ended by cancellation. May be called many times. */
  join(): Promise<T>;
  /** Asks the thread to end. A thread that has not begun never begins. No effect on one that has ended. */
  cancel(reason?: unknown): void;
  /** Nobody will join: its failure is not reported, and its spawner's cancellation does not reach it. */
  detach(): void;
}

/** `current()`: the thread itself, with a signal for waits that are not ours. */
export interface CurrentThread extends Thread {
  /** Aborts when the thread is cancelled: pass it to fetch, timers/promises, streams, events. */
  readonly signal: AbortSignal;
}

/** Who waits for a call inside of a thread. */
export interface Returning { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }

/** Whatever is cancelled with the thread that started it. */
export interface Cancellable {
  /** Somebody waits for it, most likely who started it. */
  readonly isAwaited: boolean;
  cancel(reason?: unknown): void;
}

let lastId = 0;

export class LocalThread<T = unknown> extends FrameStack implements CurrentThread {
  readonly id: number = ++lastId;
  readonly name: string;
  readonly root: Root;
  readonly scheduler: Scheduler;
  status: ThreadStatus = 'queued';
  /** Slot of the task that it runs, 0 if none. */
  slot = 0;
  /** Whose cancellation reaches it. */
  parent: LocalThread | undefined = undefined;
  /** Set while its frames are those of a call inside of it, which is told when they end. */
  onReturn: Returning | undefined = undefined;
  /** What the innermost frame is resumed with. */
  resumeWith: unknown = undefined;
  resumeByThrow = false;
  /** Identity of the wait a frame is in: a late answer to an abandoned wait finds another. */
  waitNumber = 0;
  cancelRequested = false;
  #cancelDelivered = false;
  #cancelReason: unknown = undefined;
  #waits: Set<(error: unknown) => void> | undefined;
  #children: Set<Cancellable> | undefined;
  #controller: AbortController | undefined;
  #outcome: T | undefined = undefined;
  #error: unknown = undefined;
  #joined: PromiseWithResolvers<unknown> | undefined;
  #isDetached = false;
  /** Called once, when the thread has ended. */
  onEnd: (() => void) | undefined = undefined;

  constructor(scheduler: Scheduler, root: Root, name: string) {
    super();
    this.scheduler = scheduler;
    this.root = root;
    this.name = name;
  }

  get hasEnded(): boolean { return this.status === 'done' || this.status === 'failed' || this.status === 'cancelled'; }

  join(): Promise<T> {
    if (this.#joined === undefined) {
      this.#joined = Promise.withResolvers<unknown>();
      if (this.hasEnded) this.#settle();
    }
    return this.#joined.promise as Promise<T>;
  }

  detach(): void {
    this.#isDetached = true;
    this.parent?.removeChild(this);
    this.#joined?.promise.catch(() => { /* nobody joins */ });
  }
  get isDetached(): boolean { return this.#isDetached; }
  get isAwaited(): boolean { return this.#joined !== undefined; }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.cancelRequested) this.#controller.abort(this.cancellation());
    }
    return this.#controller.signal;
  }

  cancel(reason?: unknown): void {
    if (this.hasEnded || this.cancelRequested) return;
    this.cancelRequested = true;
    this.#cancelReason = reason;
    if (this.status === 'queued') { this.end('cancelled', undefined, this.cancellation()); return; }
    const children = this.#children;
    this.#children = undefined;
    for (const child of children ?? []) {
      if (child.isAwaited) this.#cancelDelivered = true;                 // what waits for it is told by it
      child.cancel(reason);
    }
    const waits = this.#waits;
    this.#waits = undefined;
    for (const reject of waits ?? []) { this.#cancelDelivered = true; reject(this.cancellation()); }
    if (this.#controller !== undefined) {
      if (getEventListeners(this.#controller.signal, 'abort').length > 0) this.#cancelDelivered = true;   // as is what waits with our signal
      this.#controller.abort(this.cancellation());
    }
    if (this.frame !== undefined && this.status === 'blocked' && !(this.isCompiled && this.#cancelDelivered)) {   // whatever it waits for, ours or not: it is resumed by a throw
      this.#cancelDelivered = true;
      this.wake(this.cancellation(), true);
    }
  }

  /** The error that cancellation throws in the thread. */
  cancellation(): CapriccioError {
    const reason = this.#cancelReason;
    if (reason instanceof CapriccioError) return reason;
    return new CapriccioError('CAP_ERR_CANCELLED', `thread ${this.id} (${this.name}) was cancelled`, reason === undefined ? undefined : { cause: reason });
  }

  /** True once: the caller delivers the cancellation by throwing it. */
  takeCancellation(): boolean {
    if (!this.cancelRequested || this.#cancelDelivered) return false;
    this.#cancelDelivered = true;
    return true;
  }

  /**
   * A wait of ordinary async code on one of our primitives: settles when `begin`'s callbacks are called, rejects when the thread is cancelled.
   * @param begin  starts waiting and returns how to stop
   */
  wait<V>(begin: (resolve: (value: V) => void, reject: (error: unknown) => void) => () => void): Promise<V> {
    if (this.takeCancellation()) return rejectedQuietly(this.cancellation());
    const promise = new Promise<V>((resolve, reject) => {
      const waits = this.#waits ??= new Set();
      let stop: (() => void) | undefined;
      const abandon = (error: unknown): void => {
        stop?.();
        promise.catch(ignore);
        reject(error);
      };
      waits.add(abandon);                                                // first, for `begin` may settle at once
      stop = begin(
        (value) => { waits.delete(abandon); resolve(value); },
        (error) => { waits.delete(abandon); reject(error); },
      );
    });
    return promise;
  }

  addChild(child: Cancellable): void { (this.#children ??= new Set()).add(child); }
  removeChild(child: Cancellable): void { this.#children?.delete(child); }

  /** A frame's wait is over: it is resumed by the scheduler, in its turn. */
  wake(value: unknown, byThrow: boolean): void {
    this.waitNumber++;
    this.resumeWith = value;
    this.resumeByThrow = byThrow;
    this.scheduler.ready(this, numberOfPoint(this.point));
  }

  /** The thread has ended. */
  end(status: 'done' | 'failed' | 'cancelled', value: T | undefined, error: unknown): void {
    if (this.hasEnded) return;
    this.status = status;
    this.#outcome = value;
    this.#error = error;
    this.frame = this.callers = undefined;
    if (this.cell !== undefined) this.cell.thread = undefined;
    this.#waits = this.#children = undefined;
    this.parent?.removeChild(this);
    this.parent = undefined;
    if (this.#joined !== undefined) this.#settle();
    this.onEnd?.();
    if (status === 'failed' && this.#joined === undefined && this.onEnd === undefined && !this.#isDetached) setImmediate(() => this.#reportUnjoined());
  }

  /** What it returned or threw; meaningful when it has ended. */
  get outcome(): { value: T | undefined; error: unknown } { return { value: this.#outcome, error: this.#error }; }

  #settle(): void {
    if (this.status === 'done') this.#joined?.resolve(this.#outcome);
    else this.#joined?.reject(this.#error);
  }

  #reportUnjoined(): void {
    if (this.#joined !== undefined || this.#isDetached) return;
    const error = this.#error instanceof Error ? this.#error.stack ?? this.#error.message : String(this.#error);
    process.emitWarning(`thread ${this.id} (${this.name}) failed and nobody joined it: ${error}`, { code: 'CAP_WARN_UNJOINED' });
  }
}

/** A wait that is cancelled rejects also where nobody awaits it any more (`Promise.race`, or not yet): that must not end the process. */
const ignore = (): void => { /* whoever does await it is told all the same */ };
function rejectedQuietly(error: CapriccioError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}
