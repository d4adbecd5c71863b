/**
 * A wait for a shared object: what the thread that waits sees as a promise, and the visitor as a waiter. It ends by a grant, a time limit, a
 * cancellation, or the end of the pool. One that has been given up may be granted all the same, by a participant that cannot know yet: then it passes
 * on what it got.
 */
import { CapriccioError, withdraw, type Waiter } from '@capriccio/shared';
import { currentThread } from '../context.ts';
import type { Cancellable, LocalThread } from '../thread.ts';
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
  /** Inside: does it, or has `waiter` wait. */
  enter(waiter: Waiter): Entered<V>;
  /** Outside: it has been granted. Ends the wait, now or after another visit, and frees the node. */
  granted(result: number, node: number, wait: SharedWait<V>): void;
  /** Outside: it has been granted, and given up before. Passes it on, and frees the node. */
  passOn(result: number, node: number): void;
  /** Inside, instead of leaving the queue when it is given up: the wait ends later, with its error, when it is granted. */
  readonly giveUpLater?: (node: number) => void;
}

export class SharedWait<V> implements Waiter {
  node = 0;
  isDone = false;
  readonly #objects: SharedObjects;
  readonly #operation: Operation<V>;
  #value: V | undefined;
  #error: unknown;
  #hasFailed = false;
  /** Granted, or given up: neither can happen any more. */
  #isDecided = false;
  #settled: PromiseWithResolvers<V> | undefined;
  #thread: LocalThread | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #child = new WaitChild(this);

  constructor(objects: SharedObjects, operation: Operation<V>) {
    this.#objects = objects;
    this.#operation = operation;
  }

  /** Inside. */
  readonly inside = (): void => {
    if (this.#isDecided) return;                                         // given up before it could enter
    const entered = this.#operation.enter(this);
    if (entered === 'waits') return;
    this.#isDecided = true;
    if ('value' in entered) this.succeed(entered.value);
    else this.reject(entered.error);
  };

  /** It has been given up, and ends with that error when it is granted. */
  get hasFailed(): boolean { return this.#hasFailed; }

  /** What the caller gets. */
  promise(options: SharedWaitOptions | undefined): Promise<V> {
    if (this.isDone) return this.#hasFailed ? Promise.reject(this.#error) : Promise.resolve(this.#value as V);
    this.#settled = Promise.withResolvers<V>();
    this.#objects.waits.add(this);
    this.#thread = currentThread();
    if (this.#thread !== undefined) {
      this.#objects.threadsWaiting++;
      this.#thread.addChild(this.#child);
    }
    const ms = options?.timeoutMs;
    if (ms !== undefined) this.#timer = setTimeout(() => this.fail(new CapriccioError('CAP_ERR_TIMEOUT', `${this.#operation.what} was not to be had within ${ms} ms`)), ms);
    return this.#settled.promise;
  }

  // ---- the end ----

  succeed(value: V): void {
    if (this.#hasFailed) { this.reject(this.#error); return; }           // given up, and granted what it must not go on without
    this.#value = value;
    this.#end();
    this.#settled?.resolve(value);
  }
  reject(error: unknown): void {
    this.#hasFailed = true;
    this.#error = error;
    this.#end();
    this.#settled?.reject(error);
  }
  #end(): void {
    this.isDone = true;
    if (this.#settled === undefined) return;
    clearTimeout(this.#timer);
    if (this.#thread !== undefined) {
      this.#objects.threadsWaiting--;
      this.#thread.removeChild(this.#child);
    }
    this.#objects.waits.delete(this);
  }

  granted(result: number, node: number): void {
    this.node = 0;
    if (this.#isDecided && this.#operation.giveUpLater === undefined) { this.#operation.passOn(result, node); return; }
    this.#isDecided = true;
    this.#operation.granted(result, node, this);
  }

  /** A cancellation of its thread would end it. */
  get canFail(): boolean { return !this.#isDecided; }
  cancelled(): void {
    this.#settled?.promise.catch(ignore);
    this.fail((this.#thread as LocalThread).cancellation());
  }

  /** Gives up, unless it has been granted. */
  fail(error: unknown): void {
    if (this.#isDecided) return;
    const { giveUpLater, monitor } = this.#operation;
    if (giveUpLater !== undefined && this.node !== 0 && this.#objects.closed === undefined) {
      this.#isDecided = true;
      this.#hasFailed = true;
      this.#error = error;
      this.#objects.visit(monitor, () => { if (this.node !== 0) giveUpLater(this.node); });
      return;
    }
    this.#isDecided = true;
    this.reject(error);
    if (this.node !== 0) this.#objects.visit(monitor, () => this.#leave());
  }
  #leave(): void {
    const { node } = this;
    const { visitor } = this.#objects;
    if (node === 0 || !withdraw(visitor, this.#operation.monitor, node)) return;   // granted meanwhile: the notice is on its way
    this.node = 0;
    visitor.forget(node);
  }
}
interface Cancelled { readonly canFail: boolean; cancelled(): void }
/** A wait as its thread sees it: one that is decided tells of no cancellation, so the thread is told at its next. */
class WaitChild implements Cancellable {
  readonly #wait: Cancelled;
  constructor(wait: Cancelled) { this.#wait = wait; }
  get isAwaited(): boolean { return this.#wait.canFail; }
  cancel(): void { this.#wait.cancelled(); }
}

const ignore = (): void => { /* whoever does await it is told all the same */ };

/** Does an operation. Rejects with CAP_ERR_TIMEOUT, CAP_ERR_CLOSED when the pool is, and with the thread's cancellation. */
export function perform<V>(objects: SharedObjects, operation: Operation<V>, options: SharedWaitOptions | undefined): Promise<V> {
  const refused = refusal(objects, options);
  if (refused !== undefined) return refused;
  const wait = new SharedWait(objects, operation);
  objects.visit(operation.monitor, wait.inside);
  return wait.promise(options);
}

/** Why an operation does not begin: its options, the end of the pool, a cancellation to be told. */
export function refusal(objects: SharedObjects, options: SharedWaitOptions | undefined): Promise<never> | undefined {
  const thread = currentThread();
  if (options === undefined && objects.closed === undefined && thread?.cancelRequested !== true) return undefined;
  const error = optionError(options) ?? objects.closed;
  if (error !== undefined) return Promise.reject(error);
  if (thread?.takeCancellation() !== true) return undefined;
  const promise = Promise.reject(thread.cancellation());
  promise.catch(ignore);
  return promise;
}

function optionError(options: SharedWaitOptions | undefined): CapriccioError | undefined {
  if (options === undefined) return undefined;
  const refuse = (what: string): CapriccioError => new CapriccioError('CAP_ERR_OPTION', what);
  if (typeof options !== 'object' || options === null) return refuse(`options of a wait must be an object, not ${options === null ? 'null' : typeof options}`);
  const unknown = Object.keys(options).find((name) => name !== 'timeoutMs');
  if (unknown !== undefined) return refuse(`a wait has no option '${unknown}'; it has timeoutMs`);
  const ms = options.timeoutMs;
  return ms === undefined || (typeof ms === 'number' && ms >= 0 && ms <= 2 ** 31 - 1) ? undefined : refuse(`timeoutMs must be milliseconds from 0 to 2147483647, not ${String(ms)}`);
}

/** Throws CAP_ERR_OPTION unless it is a whole number from `min` to 2^31 - 1. */
export function checkCount(count: number, min: number, what: string): void {
  if (!Number.isInteger(count) || count < min || count > 2 ** 31 - 1) throw new CapriccioError('CAP_ERR_OPTION', `${what} must be a whole number from ${min} to 2147483647, not ${String(count)}`);
}

/** All of this participant's wait nodes are in use. */
export const nodesExhausted = (objects: SharedObjects, what: string): { readonly error: CapriccioError } => ({
  error: new CapriccioError('CAP_ERR_QUEUE_FULL', `${objects.visitor.waitingCount} threads of this core wait for shared objects already, so none can wait for ${what}; raise memory.slots`),
});
