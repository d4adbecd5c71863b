/**
 * A frame is a generator with a parent: one activation in a thread's chain. The chain is the thread's stack, in chunks on the heap; the innermost
 * frame is resumed directly, whatever the depth, and a callee that returns hands its result to its parent without a trampoline.
 *
 * What a frame yields says what it waits for:
 *   a generator object   a call: it runs as a new frame; its result is the value of the `yield`
 *   a promise (thenable)  a wait: the frame goes on when it has settled, in its turn
 *   SUSPENDED            a wait that a primitive of ours has noted: it will wake the thread
 *   undefined            the processor is given up for one turn
 *   anything else        no wait: the value itself
 * Source: the linked stacks of Capriccio (SOSP 2003), with generators as chunks; `yield*` would cost a pass through every frame at each resume.
 */
import { NODE_WAIT } from './compiled/points.ts';
import { keptContext } from './context.ts';
import { SUSPENDED } from './suspended.ts';
import type { Abandoned, Waitable, Waiter } from './sync/waiting.ts';
import type { LocalThread } from './thread.ts';

/** A frame that was called by another. The first of a thread is the generator alone. */
export class Frame {
  readonly generator: Generator;
  readonly parent: Generator | Frame;
  constructor(generator: Generator, parent: Generator | Frame) {
    this.generator = generator;
    this.parent = parent;
  }
}

/** Calls, returns and values that are no waits, before a thread gives up the processor (tokio's budget is 128 operations). */
const STEPS_MAX = 1024;

/** Why `run` came back. */
export type FrameOutcome = 'yielded' | 'blocked' | 'awaiting' | 'ended';

/** Throws nothing, whatever getters a user's object has. */
export function isGenerator(value: unknown): value is Generator {
  try {
    return typeof value === 'object' && value !== null && (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'Generator';
  } catch { return false; }
}
/** The same: one whose `then` cannot be read is a promise that rejects, as for `await`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
  } catch { return true; }
}

/** Runs the thread's innermost frame, its callees and callers, until it waits or the thread ends. Throws nothing. */
export function runFrames(thread: LocalThread): FrameOutcome {
  let byThrow = thread.beginResume();
  let { value } = thread;
  thread.value = undefined;
  for (let budget = STEPS_MAX; ; budget--) {
    if (budget === 0) {                                                 // calls and values that never wait: others have their turn all the same
      thread.keepResume(value, byThrow);
      return leave(thread, 'yielded');
    }
    const frame = thread.frame as Generator | Frame;
    const isCalled = frame instanceof Frame;
    const generator = isCalled ? frame.generator : frame;
    let step: IteratorResult<unknown, unknown>;
    try {
      step = byThrow ? generator.throw(value) : generator.next(value);
    } catch (error) {
      if (!isCalled) { endByError(thread, error); return 'ended'; }
      thread.frame = frame.parent;
      value = error;
      byThrow = true;
      continue;
    }
    byThrow = false;
    value = step.value;
    if (step.done === true) {
      if (!isCalled) { thread.end('done', value, undefined); return 'ended'; }
      thread.frame = frame.parent;
    } else if (value === SUSPENDED) {
      return leave(thread, 'blocked');
    } else if (value === undefined) {
      return leave(thread, 'yielded');
    } else if (isGenerator(value)) {
      thread.frame = new Frame(value, frame);
      value = undefined;
    } else if (isThenable(value)) {
      if (thread.takeCancellation()) { value = thread.cancellation(); byThrow = true; continue; }
      awaitPromise(thread, value);
      return leave(thread, 'awaiting');
    }
  }
}

function leave(thread: LocalThread, outcome: FrameOutcome): FrameOutcome {
  const { entered } = thread;
  const kept = keptContext(entered);
  if (kept !== entered) thread.entered = kept;
  return outcome;
}

/** A frame's wait for a promise, which is in the thread's `value` meanwhile. */
export class PromiseWait implements Waitable {
  readonly what = 'a promise';
  holders(): [] { return []; }
  abandon(waiter: Waiter): Abandoned {
    waiter.waitingOn = undefined;
    waiter.thread?.scheduler.abandons(waiter.thread);
    return 'left';
  }
}

function awaitPromise(thread: LocalThread, promise: PromiseLike<unknown>): void {
  const wait = thread.waitingOn = new PromiseWait();                     // a late answer to an abandoned wait finds another
  thread.value = promise;                                                // for listings
  const { recorder } = thread.scheduler;
  recorder?.awaits(thread, NODE_WAIT);
  const settled = (value: unknown, byThrow: boolean): void => {
    if (thread.waitingOn !== wait) return;
    recorder?.isThere(thread, NODE_WAIT, byThrow);
    thread.wake(value, byThrow);
  };
  try {
    promise.then((value) => settled(value, false), (error: unknown) => settled(error, true));
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
