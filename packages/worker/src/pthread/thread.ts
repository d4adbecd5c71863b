/**
 * POSIX threads: create, join, detach, exit, cancel and its clean-up handlers. A thread is one of ours (thread.ts); its start routine is any function,
 * most naturally an async one. Next: mutex.ts.
 *
 * What an exception of the start routine does is not POSIX's business: the thread fails, its clean-up handlers run, and `pthread_join` rejects with it.
 */
import { CapriccioError } from '@capriccio/shared';
import { currentThread } from '../context.ts';
import { currentScheduler } from '../current.ts';
import { isGenerator } from '../frame.ts';
import type { LocalThread } from '../thread.ts';
import { EDEADLK, EINVAL, ENOTSUP, EPERM, ESRCH } from './errno.ts';

/** Where a function writes what C returns through a pointer. */
export interface Out<T> { value?: T }

/** What `pthread_join` finds of a thread that ended by cancellation. */
export const PTHREAD_CANCELED: unique symbol = Symbol('PTHREAD_CANCELED');
export const PTHREAD_CREATE_JOINABLE = 0;
export const PTHREAD_CREATE_DETACHED = 1;
export const PTHREAD_CANCEL_ENABLE = 0;
export const PTHREAD_CANCEL_DISABLE = 1;
export const PTHREAD_CANCEL_DEFERRED = 0;
export const PTHREAD_CANCEL_ASYNCHRONOUS = 1;

/** A thread, once `pthread_create` has filled it in. */
export class pthread_t {
  declare private readonly isNoOther: never;
  /** @internal */ thread: LocalThread | undefined = undefined;
  /** @internal */ readonly cleanups: { readonly routine: (arg: unknown) => unknown; readonly arg: unknown }[] = [];
  /** @internal */ state: 'joinable' | 'detached' | 'joined' = 'joinable';
}
export class pthread_attr_t {
  declare private readonly isNoOther: never;
  /** @internal */ detached = false;
}

/** Thrown by `pthread_exit`: unwinds the start routine, so that its finally blocks run. */
class Exit {
  readonly value: unknown;
  constructor(value: unknown) { this.value = value; }
}

const handles = new WeakMap<LocalThread, pthread_t>();
const main = new pthread_t();

export function pthread_attr_init(attr: pthread_attr_t): number { attr.detached = false; return 0; }
export function pthread_attr_destroy(attr: pthread_attr_t): number { return attr instanceof pthread_attr_t ? 0 : EINVAL; }
export function pthread_attr_setdetachstate(attr: pthread_attr_t, state: number): number {
  if (state !== PTHREAD_CREATE_JOINABLE && state !== PTHREAD_CREATE_DETACHED) return EINVAL;
  attr.detached = state === PTHREAD_CREATE_DETACHED;
  return 0;
}
export function pthread_attr_getdetachstate(attr: pthread_attr_t, state: Out<number>): number { state.value = attr.detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE; return 0; }

/** Starts a thread that runs `start(arg)`. It is nobody's child: the cancellation of its creator does not reach it. @returns 0, EINVAL for a start routine that is none */
export function pthread_create<A>(thread: pthread_t, attr: pthread_attr_t | null, start: (arg: A) => unknown, arg: A): number {
  if (typeof start !== 'function' || thread.thread !== undefined) return EINVAL;
  const scheduler = currentScheduler();
  const name = start.name === '' ? 'pthread' : start.name;
  const run = { [name]: (): unknown => begin(thread, start as (arg: unknown) => unknown, arg) }[name] as () => unknown;
  const made = scheduler.spawn(run, [], currentThread()?.root ?? scheduler.roots.named('pthread'), undefined) as LocalThread;
  thread.thread = made;
  handles.set(made, thread);
  if (attr?.detached === true) { thread.state = 'detached'; made.detach(); }
  return 0;
}

function begin(handle: pthread_t, start: (arg: unknown) => unknown, arg: unknown): unknown {
  let result: unknown;
  try {
    result = start(arg);
  } catch (error) {
    result = Promise.reject(error);                                      // by pthread_exit perhaps, and there may be clean-up to do
  }
  return isGenerator(result) ? frames(handle, result) : native(handle, result);
}
async function native(handle: pthread_t, result: unknown): Promise<unknown> {
  try {
    return await result;
  } catch (error) {
    for (let cleanup = handle.cleanups.pop(); cleanup !== undefined; cleanup = handle.cleanups.pop()) await cleanup.routine(cleanup.arg);
    return endedBy(error);
  }
}
function* frames(handle: pthread_t, result: Generator): Generator<unknown, unknown, unknown> {
  try {
    return yield result;
  } catch (error) {
    for (let cleanup = handle.cleanups.pop(); cleanup !== undefined; cleanup = handle.cleanups.pop()) yield cleanup.routine(cleanup.arg) ?? null;
    return endedBy(error);
  }
}
/** The value of a thread that has ended by throwing: by exit or cancellation, or what it threw is thrown. */
function endedBy(error: unknown): unknown {
  if (error instanceof Exit) return error.value;
  const thread = currentThread();
  if (thread?.cancelRequested === true && error === thread.cancellation()) return PTHREAD_CANCELED;
  throw error;
}

/** Ends the calling thread: finally blocks, then clean-up handlers. Outside of a thread of pthread_create, throws CAP_ERR_OPTION. */
export function pthread_exit(value: unknown): never {
  const thread = currentThread();
  if (thread === undefined || !handles.has(thread)) throw new CapriccioError('CAP_ERR_OPTION', 'pthread_exit was called outside of a thread of pthread_create');
  throw new Exit(value);
}

export function pthread_self(): pthread_t {
  const thread = currentThread()?.principal;
  if (thread === undefined) return main;
  let handle = handles.get(thread);
  if (handle === undefined) {                                            // one of spawn(): it is joined and detached there
    handle = new pthread_t();
    handle.thread = thread;
    handle.state = 'detached';
    handles.set(thread, handle);
  }
  return handle;
}
export const pthread_equal = (a: pthread_t, b: pthread_t): number => (a === b ? 1 : 0);

/**
 * Waits for the end of a thread, and writes what it returned: PTHREAD_CANCELED if it was cancelled. A cancellation point.
 * @returns 0, ESRCH for no thread, EINVAL for one that is detached or has been joined, EDEADLK for oneself or one that waits to join the caller
 */
export async function pthread_join(thread: pthread_t, result?: Out<unknown> | null): Promise<number> {
  const joined = thread.thread;
  if (joined === undefined) return ESRCH;
  const self = currentThread()?.principal;
  if (self !== undefined) for (let next: LocalThread | undefined = joined; next !== undefined; next = joins.get(next)) if (next === self) return EDEADLK;
  if (thread.state !== 'joinable') return EINVAL;
  if (self !== undefined) joins.set(self, joined);
  thread.state = 'joined';
  try {
    const value = await joined.join();
    if (result !== null && result !== undefined) result.value = value;
    return 0;
  } catch (error) {
    if (joined.hasEnded && error === joined.outcome.error) {             // it has failed, or was cancelled before it began
      if (joined.status === 'failed') throw error;
      if (result !== null && result !== undefined) result.value = PTHREAD_CANCELED;
      return 0;
    }
    thread.state = 'joinable';
    throw error;
  } finally {
    if (self !== undefined) joins.delete(self);
  }
}
/** Who waits to join whom. */
const joins = new Map<LocalThread, LocalThread>();

/** @returns 0, ESRCH for no thread, EINVAL for one that is detached or joined */
export function pthread_detach(thread: pthread_t): number {
  if (thread.thread === undefined) return ESRCH;
  if (thread.state !== 'joinable') return EINVAL;
  thread.state = 'detached';
  thread.thread.detach();
  return 0;
}

/** Asks a thread to end at its next cancellation point. @returns 0, ESRCH for no thread */
export function pthread_cancel(thread: pthread_t): number {
  if (thread.thread === undefined) return ESRCH;
  thread.thread.cancel();
  return 0;
}
/** @returns 0, EINVAL for another state, EPERM outside of any thread */
export function pthread_setcancelstate(state: number, old?: Out<number> | null): number {
  if (state !== PTHREAD_CANCEL_ENABLE && state !== PTHREAD_CANCEL_DISABLE) return EINVAL;
  const thread = currentThread();
  if (thread === undefined) return EPERM;
  const was = thread.holdCancellation(state === PTHREAD_CANCEL_DISABLE);
  if (old !== null && old !== undefined) old.value = was ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
  return 0;
}
/** Cancellation is always deferred: JavaScript cannot be interrupted. @returns 0, ENOTSUP for PTHREAD_CANCEL_ASYNCHRONOUS, EINVAL for another type */
export function pthread_setcanceltype(type: number, old?: Out<number> | null): number {
  if (type === PTHREAD_CANCEL_ASYNCHRONOUS) return ENOTSUP;
  if (type !== PTHREAD_CANCEL_DEFERRED) return EINVAL;
  if (old !== null && old !== undefined) old.value = PTHREAD_CANCEL_DEFERRED;
  return 0;
}
/** A cancellation point that does not wait: throws if the thread has been cancelled, to its start routine's end. */
export function pthread_testcancel(): void {
  const thread = currentThread();
  if (thread?.takeCancellation() === true) throw thread.cancellation();
}

/** `routine(arg)` runs if the thread is cancelled, exits or fails before the matching pop; newest first. It may be an async function. */
export function pthread_cleanup_push(routine: (arg: unknown) => unknown, arg: unknown): void { pthread_self().cleanups.push({ routine, arg }); }
/** Takes the newest handler away, and runs it if `execute` is not 0. @returns what it returned: await it if it is async */
export function pthread_cleanup_pop(execute: number): unknown {
  const cleanup = pthread_self().cleanups.pop();
  return execute === 0 ? undefined : cleanup?.routine(cleanup.arg);
}
