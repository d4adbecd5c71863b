/**
 * A wait for a shared object: for its thread what any wait on a primitive is (../sync/waiting.ts), for the visitor a waiter. It ends by a grant, a
 * time limit, a cancellation, or the end of the pool. One that has been given up may be granted all the same, by a participant that cannot know yet:
 * then it passes on what it got.
 */
import { CapriccioError, withdraw, type SpinBudget, type Waiter as SharedWaiter } from '@capriccio/shared';
import { currentThread } from '../context.ts';
import { currentScheduler } from '../current.ts';
import type { LocalThread } from '../thread.ts';
import { SUSPENDED } from '../suspended.ts';
import { bound, boundThread, checkWait } from '../sync/block.ts';
import { PromiseWaiter, type Abandoned, type Waitable, type Waiter } from '../sync/waiting.ts';
import type { SharedObjects } from './shared-objects.ts';

/** Options of operations that may wait. */
export interface SharedWaitOptions {
  /** Longest wait, milliseconds from 0 to 2^31 - 1; when it is over the operation rejects with CAP_ERR_TIMEOUT and has had no effect. Default: no limit. */
  timeoutMs?: number;
}

/** How an operation went inside. */
export type Entered<V> = { readonly value: V } | { readonly error: CapriccioError } | 'waits';

/** What one kind's operation does at each step. */
export interface Operation<V> {
  /** For messages: `mutex 'cache'`. */
  readonly what: string;
  readonly monitor: number;
  /** How long it looks before its thread waits. */
  readonly looking: SpinBudget;
  /** Inside: does it, or has `waiter` wait. */
  enter(waiter: SharedWait<V>): Entered<V>;
  /** Outside: it has been granted. Ends the wait, now or after another visit, and frees the node. */
  granted(result: number, node: number, wait: SharedWait<V>): void;
  /** Outside: it has been granted, and given up before. Passes it on, and frees the node. */
  passOn(result: number, node: number): void;
  /** Inside, instead of leaving the queue when it is given up: the wait ends later, with its error, when it is granted. */
  readonly giveUpLater?: (node: number) => void;
  /** Threads of this isolate that have what it waits for, if that is known. */
  readonly holders?: () => Iterable<LocalThread>;
}

/** How it stands: nothing is decided, it has been granted, or given up and ends when it is granted, or it is over. */
type Stage = 'open' | 'granted' | 'given up' | 'over';

export class SharedWait<V> implements SharedWaiter, Waitable {
  node = 0;
  readonly #objects: SharedObjects;
  readonly #operation: Operation<V>;
  #stage: Stage = 'open';
  #value: V | undefined;
  /** What it fails with. */
  #error: unknown;
  #hasFailed = false;
  #waiter: Waiter | undefined;

  constructor(objects: SharedObjects, operation: Operation<V>) {
    this.#objects = objects;
    this.#operation = operation;
  }

  get what(): string { return this.#operation.what; }
  get monitor(): number { return this.#operation.monitor; }
  /** Those who have what it waits for are known, each to its own isolate. */
  get isForLock(): boolean { return this.#operation.holders !== undefined; }
  /** Those of this isolate. */
  holders(): Iterable<LocalThread> { return this.#operation.holders?.() ?? []; }
  /** Who waits, once it does. */
  get thread(): LocalThread | undefined { return this.#waiter === undefined ? currentThread() : this.#waiter.thread; }
  get isDone(): boolean { return this.#stage === 'over'; }
  /** It has been given up, and ends with its error when it is granted. */
  get hasFailed(): boolean { return this.#hasFailed; }

  readonly done = (): boolean => this.#stage === 'over';
  /** Inside. */
  readonly inside = (): void => {
    if (this.#stage !== 'open') return;                                  // given up before it could enter
    const entered = this.#operation.enter(this);
    if (entered === 'waits') return;
    if ('value' in entered) this.succeed(entered.value);
    else this.reject(entered.error);
  };

  /** What the caller gets. */
  promise(options: SharedWaitOptions | undefined): Promise<V> {
    if (this.#stage === 'over') return this.#hasFailed ? Promise.reject(this.#error) : Promise.resolve(this.#value as V);
    const thread = currentThread();
    const waiter = new PromiseWaiter(thread, undefined, thread?.scheduler ?? currentScheduler());
    this.#enlist(waiter);
    bound(waiter, this, options?.timeoutMs);
    return waiter.promise as Promise<V>;
  }

  /** What a thread gets that runs as frames: its value, or SUSPENDED. Throws what the promise would reject with. */
  direct(options: SharedWaitOptions | undefined): V | typeof SUSPENDED {
    if (this.#stage === 'over') {
      if (this.#hasFailed) throw this.#error;
      return this.#value as V;
    }
    const thread = currentThread() as LocalThread;
    thread.value = undefined;
    this.#enlist(thread);
    boundThread(thread, this, options?.timeoutMs);
    return SUSPENDED;
  }

  #enlist(waiter: Waiter): void {
    this.#waiter = waiter;
    waiter.waitingOn = this;
    this.#objects.waits.add(this);
    if (waiter.thread !== undefined) this.#objects.threadsWaiting++;
  }

  // ---- the end ----

  succeed(value: V): void {
    if (this.#hasFailed) { this.reject(this.#error); return; }           // given up, and granted what it must not go on without
    this.#value = value;
    this.#end(value, false);
  }
  reject(error: unknown): void {
    this.#hasFailed = true;
    this.#error = error;
    this.#end(error, true);
  }
  #end(outcome: unknown, byThrow: boolean): void {
    if (this.#stage === 'over') return;                                  // the pool has been closed meanwhile
    const waiter = this.#leaveList();
    if (waiter === undefined) return;
    waiter.waitingOn = undefined;
    waiter.wake(outcome, byThrow);
  }
  #leaveList(): Waiter | undefined {
    this.#stage = 'over';
    if (this.#waiter === undefined) return undefined;
    if (this.#waiter.thread !== undefined) this.#objects.threadsWaiting--;
    this.#objects.waits.delete(this);
    return this.#waiter;
  }

  granted(result: number, node: number): void {
    this.node = 0;
    if (this.#stage === 'over') { this.#operation.passOn(result, node); return; }
    if (this.#stage === 'open') this.#stage = 'granted';
    this.#operation.granted(result, node, this);
  }

  /** Given up, by its time, a cancellation or to break a deadlock. One that has been granted goes on. */
  abandon(waiter: Waiter, error: unknown): Abandoned {
    if (this.#stage !== 'open') return 'kept';
    const { giveUpLater, monitor } = this.#operation;
    this.#hasFailed = true;
    this.#error = error;
    if (giveUpLater !== undefined && this.node !== 0) {
      this.#stage = 'given up';
      waiter.untime();
      this.#objects.visit(monitor, () => { if (this.node !== 0) giveUpLater(this.node); });
      return 'later';
    }
    waiter.waitingOn = undefined;
    this.#leaveList();
    if (this.node !== 0) this.#objects.visit(monitor, () => this.#leave());
    return 'left';
  }
  #leave(): void {
    const { node } = this;
    const { visitor } = this.#objects;
    if (node === 0 || !withdraw(visitor, this.#operation.monitor, node)) return;   // granted meanwhile: the notice is on its way
    this.node = 0;
    visitor.forget(node);
  }

  /** The pool has been closed: nobody will grant anything. */
  fail(error: unknown): void { this.reject(this.#hasFailed ? this.#error : error); }
}

/** Does an operation. Rejects with CAP_ERR_TIMEOUT, CAP_ERR_CLOSED when the pool is, and with the thread's cancellation. */
export function perform<V>(objects: SharedObjects, operation: Operation<V>, options: SharedWaitOptions | undefined): Promise<V> {
  return refusal(objects, options) ?? begin(objects, operation).promise(options);
}
/** The same for a thread that runs as frames: throws instead. @returns its value, or SUSPENDED: the thread will be woken with it */
export function performDirect<V>(objects: SharedObjects, operation: Operation<V>, options: SharedWaitOptions | undefined): V | typeof SUSPENDED {
  refuse(objects, options);
  return begin(objects, operation).direct(options);
}
/** Begins an operation; it may be over already. */
export function begin<V>(objects: SharedObjects, operation: Operation<V>): SharedWait<V> {
  const wait = new SharedWait(objects, operation);
  objects.visitAndLook(operation.monitor, wait.inside, wait.done, operation.looking);
  return wait;
}

/** Throws why an operation does not begin: its options, the end of the pool, a cancellation to be told. */
export function refuse(objects: SharedObjects, options: SharedWaitOptions | undefined): void {
  const thread = currentThread();
  if (options === undefined && objects.closed === undefined && thread?.cancelRequested !== true) return;
  const error = optionError(options) ?? objects.closed;
  if (error !== undefined) throw error;
  if (thread?.takeCancellation() === true) throw thread.cancellation();
}
/** The same as a promise. */
export function refusal(objects: SharedObjects, options: SharedWaitOptions | undefined): Promise<never> | undefined {
  try {
    refuse(objects, options);
    return undefined;
  } catch (error) {
    const promise = Promise.reject(error);
    if (currentThread()?.cancelRequested === true) promise.catch(ignore);
    return promise;
  }
}

function optionError(options: SharedWaitOptions | undefined): unknown {
  try {
    checkWait(options, 'a wait');
    const unknown = Object.keys(options ?? {}).find((name) => name !== 'timeoutMs');
    return unknown === undefined ? undefined : new CapriccioError('CAP_ERR_OPTION', `a wait has no option '${unknown}'; it has timeoutMs`);
  } catch (error) { return error; }
}
const ignore = (): void => { /* whoever does await it is told all the same */ };

/** All of this participant's wait nodes are in use. */
export const nodesExhausted = (objects: SharedObjects, what: string): { readonly error: CapriccioError } => ({
  error: new CapriccioError('CAP_ERR_QUEUE_FULL', `${objects.visitor.waitingCount} threads of this core wait for shared objects already, so none can wait for ${what}; raise memory.slots`),
});
