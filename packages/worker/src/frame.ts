/**
 * Threads that run as frames: what the scheduler does with a stack of frames (compiled/frames.ts) when it resumes, waits or ends. One mechanism for
 * compiled async functions and for generator functions written by hand: the innermost frame is resumed directly, in its turn, whatever the depth.
 * Every wait is a point at which a cancellation is thrown in.
 */
import { adopt, ENDED, SWITCHED, isThenable, runFrames, type Outcome } from './compiled/frames.ts';
import { AWAIT, PRIMITIVE, machine, resumeFrame } from './compiled/machine.ts';
import { refill } from './compiled/settle.ts';
import { twinOf, type Twin } from './compiled/twins.ts';
import { currentThread, mayHoldFrames } from './context.ts';
import type { LocalThread, Returning } from './thread.ts';

/** Why a run came back. 'returned': its function has returned a promise, and the thread ends when that has settled. 'switched': it goes on at
 * once, in the async context that its cell has now. 'answered': its frames have ended, and who called them knows; the thread may live on. */
export type FrameOutcome = 'yielded' | 'blocked' | 'ended' | 'returned' | 'switched' | 'answered';

/** Runs the thread's innermost frame, its callees and callers, until it waits or the thread ends. Throws nothing. */
export function resumeThread(thread: LocalThread): FrameOutcome {
  const { resumeWith, resumeByThrow } = thread;
  thread.resumeWith = undefined;
  thread.resumeByThrow = false;
  return thread.takeCancellation() ? run(thread, thread.cancellation(), true) : run(thread, resumeWith, resumeByThrow);
}

/** Begins a thread with a compiled function. Throws nothing. */
export function beginTwin(thread: LocalThread, twin: Twin, args: readonly unknown[]): FrameOutcome {
  try {
    thread.frame = Reflect.apply(twin, undefined, args) as Generator;
  } catch (error) {
    endByError(thread, error);
    return 'ended';
  }
  return run(thread, undefined, false);
}

/** Runs a compiled function up to its first wait, before there is a thread. Throws what it throws. @returns the frame when it waits: `adoptFrame` must follow at once */
export function runUntilWait(twin: Twin, self: unknown, args: readonly unknown[]): { isDone: boolean; value: unknown } {
  const frame = Reflect.apply(twin, self, args) as Generator;
  refill();
  machine.isScheduled = true;
  machine.depth = 0;
  try {
    const { done, value } = resumeFrame(frame, undefined);
    return done === true ? { isDone: true, value } : { isDone: false, value: frame };
  } finally {
    machine.isScheduled = false;
  }
}

/** The frame that waits is the thread's. Throws nothing. */
export function adoptFrame(thread: LocalThread, frame: Generator): FrameOutcome {
  machine.isScheduled = true;
  try {
    return startWait(thread, finish(thread, adopt(thread, frame)));
  } catch (error) {
    return fail(thread, error);
  } finally {
    machine.isScheduled = false;
  }
}

const run = (thread: LocalThread, value: unknown, byThrow: boolean): FrameOutcome => startWait(thread, step(thread, value, byThrow));

function startWait(thread: LocalThread, outcome: FrameOutcome | 'awaits'): FrameOutcome {
  if (outcome !== 'awaits') return outcome;
  const awaited = thread.resumeWith;
  thread.resumeWith = undefined;
  void pump(thread, awaited);
  return 'blocked';
}

function step(thread: LocalThread, value: unknown, byThrow: boolean): FrameOutcome | 'awaits' {
  refill();
  machine.isScheduled = true;
  thread.mustEnter = false;
  try {
    return finish(thread, runFrames(thread, value, byThrow));
  } catch (error) {
    return fail(thread, error);
  } finally {
    machine.isScheduled = false;
  }
}

/** What the frames came back with. Throws what they throw when they are cancelled. */
function finish(thread: LocalThread, outcome: Outcome): FrameOutcome | 'awaits' {
  const { value } = machine;
  machine.value = undefined;
  if (outcome === ENDED) {
    if (thread.onReturn !== undefined) return answer(thread, thread.onReturn, value, false);
    if (thread.isCompiled && isThenable(value)) { thread.resumeWith = value; return 'returned'; }
    thread.end('done', value, undefined);
    return 'ended';
  }
  if (outcome === SWITCHED) {
    thread.resumeWith = value;
    thread.resumeByThrow = machine.byThrow;
    return 'switched';
  }
  if (outcome === AWAIT || outcome === PRIMITIVE) {
    if (thread.takeCancellation()) return finish(thread, runFrames(thread, thread.cancellation(), true));
    leave(thread);
    if (outcome === PRIMITIVE) return 'blocked';
    thread.resumeWith = value;
    return 'awaits';
  }
  thread.resumeWith = value;
  leave(thread);
  return 'yielded';
}

const leave = (thread: LocalThread): void => { thread.cell?.keepContext(); };

/**
 * Awaits what a thread waits for, and lets it go on. A native `await` costs less than two reactions, and comes back in the async context in which the
 * thread waits; so, as long as nobody else is ready and the slice lasts, the thread is resumed right here. Otherwise it goes through its run queue.
 */
async function pump(thread: LocalThread, first: unknown): Promise<void> {
  const number = ++thread.waitNumber;
  let awaited = first;
  for (;;) {
    let value: unknown;
    let byThrow = false;
    try { value = await awaited; } catch (error) { value = error; byThrow = true; }
    if (thread.waitNumber !== number || thread.hasEnded) return;          // it was cancelled, and has gone on
    if (thread.mustEnter || !thread.scheduler.mayGoOn()) { thread.wake(value, byThrow); return; }
    thread.status = 'running';
    const outcome = thread.takeCancellation() ? step(thread, thread.cancellation(), true) : step(thread, value, byThrow);
    if (outcome !== 'awaits') { thread.scheduler.cameBack(thread, outcome); return; }
    thread.status = 'blocked';
    awaited = thread.resumeWith;
    thread.resumeWith = undefined;
  }
}

function fail(thread: LocalThread, error: unknown): FrameOutcome {
  if (thread.onReturn !== undefined) return answer(thread, thread.onReturn, error, true);
  endByError(thread, error);
  return 'ended';
}

/** The frames of a call inside of a thread have ended: the thread has none until the next such call. */
function answer(thread: LocalThread, { resolve, reject }: Returning, value: unknown, byThrow: boolean): FrameOutcome {
  thread.onReturn = thread.frame = thread.callers = undefined;
  thread.point = 0;
  if (byThrow) reject(value);
  else resolve(value);
  return 'answered';
}

/**
 * Calls a function inside of the current thread, which runs natively: a compiled one runs as the thread's frames, so that its resumptions are the
 * scheduler's and a cancellation reaches each of its awaits. Any other, and a second one beside it, is simply called.
 * @returns the value if it did not wait, else a promise of it
 */
export function callAsFrames(fn: (...args: never[]) => unknown, self: unknown, ...args: unknown[]): unknown {
  const twin = twinOf(fn);
  if (twin === undefined || machine.isScheduled || !mayHoldFrames()) return Reflect.apply(fn, self, args);
  const { isDone, value } = runUntilWait(twin, self, args);
  if (isDone) return value;
  const thread = currentThread() as LocalThread;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  thread.isCompiled = true;
  thread.onReturn = { resolve, reject };
  thread.scheduler.afterFrames(thread, adoptFrame(thread, value as Generator));
  return promise;
}

/** A thread that threw: by its cancellation, which an AbortError is too for whoever took its `signal`, or failed. */
export function endByError(thread: LocalThread, error: unknown): void {
  if (!thread.cancelRequested) { thread.end('failed', undefined, error); return; }
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (name === 'AbortError') thread.end('cancelled', undefined, thread.cancellation());
  else thread.end(code === thread.cancellation().code ? 'cancelled' : 'failed', undefined, error);
}
