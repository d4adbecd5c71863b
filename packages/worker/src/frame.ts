/**
 * Threads that run as frames: what the scheduler does with a stack of frames (compiled/frames.ts) when it resumes, waits or ends. One mechanism for
 * compiled async functions and for generator functions written by hand: the innermost frame is resumed directly, in its turn, whatever the depth.
 * Every wait is a point at which a cancellation is thrown in.
 */
import { adopt, ENDED, SWITCHED, isThenable, runFrames, type Outcome } from './compiled/frames.ts';
import { AWAIT, PRIMITIVE, machine } from './compiled/machine.ts';
import { refill } from './compiled/settle.ts';
import type { Twin } from './compiled/twins.ts';
import type { LocalThread } from './thread.ts';

/** Why a run came back. 'returned': its function has returned a promise, and the thread ends when that has settled. 'switched': it goes on at
 * once, in the async context that its cell has now. */
export type FrameOutcome = 'yielded' | 'blocked' | 'ended' | 'returned' | 'switched';

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
export function runUntilWait(twin: Twin, args: readonly unknown[]): { isDone: boolean; value: unknown } {
  const frame = Reflect.apply(twin, undefined, args) as Generator;
  refill();
  machine.isScheduled = true;
  machine.depth = 0;
  try {
    const { done, value } = frame.next();
    return done === true ? { isDone: true, value } : { isDone: false, value: frame };
  } finally {
    machine.isScheduled = false;
  }
}

/** The frame that waits is the thread's. Throws nothing. */
export function adoptFrame(thread: LocalThread, frame: Generator): FrameOutcome {
  machine.isScheduled = true;
  try {
    return finish(thread, adopt(thread, frame));
  } catch (error) {
    endByError(thread, error);
    return 'ended';
  } finally {
    machine.isScheduled = false;
    machine.stack = undefined;
  }
}

function run(thread: LocalThread, value: unknown, byThrow: boolean): FrameOutcome {
  refill();
  machine.isScheduled = true;
  try {
    return finish(thread, runFrames(thread, value, byThrow));
  } catch (error) {
    endByError(thread, error);
    return 'ended';
  } finally {
    machine.isScheduled = false;
    machine.stack = undefined;
  }
}

/** What the frames came back with. Throws what they throw when they are cancelled. */
function finish(thread: LocalThread, outcome: Outcome): FrameOutcome {
  const { value } = machine;
  machine.value = undefined;
  if (outcome === ENDED) {
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
    if (outcome === AWAIT) awaitPromise(thread, value);
    return leave(thread, 'blocked');
  }
  thread.resumeWith = value;
  return leave(thread, 'yielded');
}

function leave(thread: LocalThread, outcome: FrameOutcome): FrameOutcome {
  thread.cell?.keepContext();
  return outcome;
}

const { then } = Promise.prototype;

function awaitPromise(thread: LocalThread, value: unknown): void {
  const number = ++thread.waitNumber;
  const settled = (value: unknown, byThrow: boolean): void => { if (thread.waitNumber === number && !thread.hasEnded) thread.wake(value, byThrow); };
  try {
    Reflect.apply(then, Promise.resolve(value), [(value: unknown) => settled(value, false), (error: unknown) => settled(error, true)]);
  } catch (error) {
    queueMicrotask(() => settled(error, true));
  }
}

/** A thread that threw: by its cancellation, which an AbortError is too for whoever took its `signal`, or failed. */
export function endByError(thread: LocalThread, error: unknown): void {
  if (!thread.cancelRequested) { thread.end('failed', undefined, error); return; }
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (name === 'AbortError') thread.end('cancelled', undefined, thread.cancellation());
  else thread.end(code === thread.cancellation().code ? 'cancelled' : 'failed', undefined, error);
}
