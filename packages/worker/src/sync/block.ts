/**
 * How an operation that may block is written once and called in two ways: it is given a `block` to call when it has to wait, `byThread` for the
 * direct form (a compiled function or a frame calls it, and nothing is allocated), `byPromise` for the awaited one, which works anywhere.
 */
import { CapriccioError } from '@capriccio/shared';
import { currentThread } from '../context.ts';
import { currentScheduler } from '../current.ts';
import { lookForDeadlock } from '../deadlock.ts';
import { SUSPENDED } from '../suspended.ts';
import { Timer } from '../timers.ts';
import type { LocalThread } from '../thread.ts';
import { giveUp, PromiseWaiter, type Waitable, type Waiter } from './waiting.ts';

/** Options of operations that may wait. */
export interface WaitOptions {
  /** Longest wait, milliseconds from 0 to 2^31 - 1; when it is over the operation rejects with CAP_ERR_TIMEOUT and has had no effect. Default: no limit. */
  timeoutMs?: number;
}

/** Where one can wait. */
interface Line extends Waitable { push(waiter: Waiter): void }

/** Waits in a queue. @returns what the operation gives back: SUSPENDED, or a promise */
export type Block = (queue: Line, thread: LocalThread | undefined, brings: unknown, options: WaitOptions | undefined) => unknown;

export const byThread: Block = (queue, thread, brings, options) => {
  if (thread === undefined) throw new TypeError('a direct form is called on a thread that runs as frames only');
  thread.value = brings;
  queue.push(thread);
  boundThread(thread, queue, options?.timeoutMs);
  return SUSPENDED;
};

export const byPromise: Block = (queue, thread, brings, options) => stand(queue, new PromiseWaiter(thread, brings, thread?.scheduler ?? currentScheduler()), options);

/** A wait that is no cancellation point: the cancellation comes at the next that is. */
class SteadfastWaiter extends PromiseWaiter {
  override cancelledBy(): boolean { return false; }
}
/** By a promise, and to its end. */
export const steadfastly: Block = (queue, thread, brings, options) => stand(queue, new SteadfastWaiter(thread, brings, thread?.scheduler ?? currentScheduler()), options);

function stand(queue: Line, waiter: PromiseWaiter, options: WaitOptions | undefined): Promise<unknown> {
  queue.push(waiter);
  bound(waiter, queue, options?.timeoutMs);
  return waiter.promise;
}
/** A wait has begun: it ends with CAP_ERR_TIMEOUT, or if it has no limit it may close a circle. */
export function bound(waiter: PromiseWaiter, { what }: Waitable, timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) lookForDeadlock(waiter);
  else (waiter.thread?.scheduler ?? currentScheduler()).timers.set(waiter.timer = limitOf(waiter, what, timeoutMs), timeoutMs);
}

/** The same of a thread that waits as frames do. */
export function boundThread(thread: LocalThread, { what }: Waitable, timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) lookForDeadlock(thread);
  else thread.setTimer(limitOf(thread, what, timeoutMs), timeoutMs);
}

function limitOf(waiter: Waiter, what: string, ms: number): Timer {
  return new Timer(() => giveUp(waiter, new CapriccioError('CAP_ERR_TIMEOUT', `${what} was not to be had within ${ms} ms`)));
}

/** The awaited form of an operation: what it throws, its promise rejects with. */
export function promised<T>(operation: () => unknown): Promise<T> {
  try {
    return Promise.resolve(operation()) as Promise<T>;
  } catch (error) {
    const promise = Promise.reject(error);
    if (currentThread()?.cancelRequested === true) promise.catch(ignore);
    return promise;
  }
}
const ignore = (): void => { /* it was cancelled, and whoever awaits it is told all the same */ };

/** Throws CAP_ERR_OPTION unless the options are an object with a time that can be waited for. */
export function checkWait(options: WaitOptions | undefined, operation: string): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) throw new CapriccioError('CAP_ERR_OPTION', `${operation} takes options as an object, not ${options === null ? 'null' : typeof options}`);
  if (options.timeoutMs !== undefined) checkMs(options.timeoutMs, `timeoutMs of ${operation}`);
}
export function checkMs(ms: number, what: string): void {
  if (typeof ms !== 'number' || !(ms >= 0) || ms > 2 ** 31 - 1) throw new CapriccioError('CAP_ERR_OPTION', `${what} must be milliseconds from 0 to 2147483647, not ${String(ms)}`);
}
/** Throws CAP_ERR_OPTION unless it is a whole number from `min` to 2^31 - 1. */
export function checkCount(count: number, min: number, what: string): void {
  if (!Number.isInteger(count) || count < min || count > 2 ** 31 - 1) throw new CapriccioError('CAP_ERR_OPTION', `${what} must be a whole number from ${min} to 2147483647, not ${String(count)}`);
}

/** Options of what can be named. */
export interface NameOptions {
  /** For listings and messages. */
  name?: string;
}
/** How listings call it. Throws CAP_ERR_OPTION for options or a name of another type. */
export function labelOf(kind: string, options: NameOptions | undefined): string {
  if (options === undefined) return `a ${kind}`;
  if (typeof options !== 'object' || options === null) throw new CapriccioError('CAP_ERR_OPTION', `${kind} takes options as an object, not ${options === null ? 'null' : typeof options}`);
  const { name } = options;
  if (name !== undefined && typeof name !== 'string') throw new CapriccioError('CAP_ERR_OPTION', `the name of a ${kind} must be a string, not ${typeof name}`);
  return name === undefined ? `a ${kind}` : `${kind} '${name}'`;
}
