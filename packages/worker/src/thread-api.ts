/**
 * capriccio/thread: what code that runs in a pool's threads may call; all of it also works on a main thread, where threads share one core.
 * Next: scheduler.ts.
 */
import { CapriccioError } from '@capriccio/shared';
import { currentThread } from './context.ts';
import { currentPoolHandle, currentScheduler } from './current.ts';
import type { PoolHandle } from './pool-handle.ts';
import { NODE_YIELD } from './scheduler.ts';
import { setDirect, SUSPENDED } from './suspended.ts';
import { checkMs } from './sync/block.ts';
import { callingThread } from './sync/waiting.ts';
import { Timer, UNSET } from './timers.ts';
import type { CurrentThread, LocalThread, Thread, ThreadResult } from './thread.ts';

export type { CurrentThread, Thread, ThreadResult, ThreadStatus } from './thread.ts';
export { annotate, type Annotation } from './annotate.ts';
export { scope, shield, withDeadline, type Scope, type ScopeOptions } from './scope.ts';
export type { PoolHandle } from './pool-handle.ts';
export type { NameOptions, WaitOptions } from './sync/block.ts';
export { Barrier } from './sync/barrier.ts';
export { Channel, type ChannelOptions } from './sync/channel.ts';
export type { SendOptions } from './sync/moving.ts';
export { Condition } from './sync/condition.ts';
export { Latch } from './sync/latch.ts';
export { Mutex } from './sync/mutex.ts';
export { Once } from './sync/once.ts';
export { RwLock } from './sync/rw-lock.ts';
export { select, type SelectCase, type Selected, type SelectOptions } from './sync/select.ts';
export { Semaphore } from './sync/semaphore.ts';
export { ThreadLocal, type ThreadLocalOptions } from './sync/thread-local.ts';

/**
 * Starts a thread of this isolate. A generator function runs as frames: `yield` of a generator object is a call, of a promise a wait, of nothing
 * gives up the processor. Any other function runs natively. It begins in its turn, or in that of a compiled thread or frame that joins it,
 * not at once, and is cancelled with its spawner unless detached.
 * Throws CAP_ERR_OPTION when `fn` is not a function. Arguments are passed as they are: the thread runs in this isolate.
 */
export function spawn<A extends unknown[], T>(fn: (...args: A) => T, ...args: A): Thread<ThreadResult<T>> {
  if (typeof fn !== 'function') throw new CapriccioError('CAP_ERR_OPTION', `spawn takes a function, not ${fn === null ? 'null' : typeof fn}`);
  const scheduler = currentScheduler();
  const root = currentThread()?.root ?? scheduler.roots.named('spawn');
  return scheduler.spawn(fn, args, root) as unknown as Thread<ThreadResult<T>>;
}

/** The thread that runs. Throws CAP_ERR_OPTION outside of any: ordinary main-thread code is no thread. */
export function current(): CurrentThread {
  const thread = currentThread();
  if (thread === undefined) throw new CapriccioError('CAP_ERR_OPTION', 'current() was called outside of a thread; code called by a pool, or started by spawn(), has one');
  return thread;
}

/** Gives up the processor until this thread's turn comes again; I/O that is ready is handled in between. Rejects when the thread is cancelled. */
export function yieldNow(): Promise<void> {
  const thread = currentThread();
  if (thread === undefined) return new Promise((resolve) => { setImmediate(resolve); });
  const scheduler = currentScheduler();
  return thread.wait((resolve) => {
    let isDropped = false;
    scheduler.enqueue(thread.root, NODE_YIELD, () => { if (!isDropped) resolve(undefined); });
    return () => { isDropped = true; };
  }, 'its turn');
}

setDirect(yieldNow, () => {
  const thread = callingThread() as LocalThread;
  thread.scheduler.ready(thread, NODE_YIELD);
  return SUSPENDED;
});

/** Waits for `ms` milliseconds (0 to 2^31 - 1), never less. Rejects when the thread is cancelled; throws CAP_ERR_OPTION for another value. */
export function sleep(ms: number): Promise<void> {
  checkMs(ms, 'the time of sleep');
  const { timers } = currentScheduler();
  const begin = (resolve: (value: void) => void): (() => void) => {
    const timer = new Timer(() => resolve());
    timers.set(timer, ms);
    return () => timer.cancel();
  };
  const thread = currentThread();
  return thread === undefined ? new Promise((resolve) => { begin(resolve); }) : thread.wait<void>(begin, 'a time');
}
setDirect(sleep, (ms) => {
  checkMs(ms, 'the time of sleep');
  const thread = callingThread() as LocalThread;
  const { timers } = thread.scheduler;
  thread.value = UNSET;
  timers.set(thread, ms);
  thread.waitingOn = timers;
  return SUSPENDED;
});

/** Throws what the thread was cancelled with, if it was. For long work that never waits. */
export function checkCancelled(): void {
  const thread = currentThread();
  if (thread?.cancelRequested === true) { thread.takeCancellation(); throw thread.cancellation(); }
}

/** The pool that this thread runs in. Throws CAP_ERR_OPTION where there is none: on a main thread, use the pool itself. */
export function pool(): PoolHandle {
  const handle = currentPoolHandle();
  if (handle === undefined) throw new CapriccioError('CAP_ERR_OPTION', 'pool() was called outside of a pool; on the main thread use the pool that createPool returned');
  return handle;
}
