/**
 * Threads that run compiled code: what the scheduler does with a stack of compiled frames (frames.ts) when it begins, resumes, waits or ends. Every
 * wait is a point at which a cancellation is thrown in.
 * Next: ../scheduler.ts.
 */
import { currentThread, isContextShared, keptContext, mayHoldFrames } from '../context.ts';
import { endByError, isThenable, PromiseWait, type FrameOutcome } from '../frame.ts';
import type { Abandoned, Waiter } from '../sync/waiting.ts';
import type { LocalThread } from '../thread.ts';
import { BEGAN, runToWait, takeFrame } from './calls.ts';
import { nodeOfPoint } from './points.ts';
import { adopt, ENDED, FrameStack, runFrames, type Outcome } from './frames.ts';
import { AWAIT, PREEMPT, PRIMITIVE, machine } from './machine.ts';
import { refill } from './settle.ts';
import { twinOf, type Twin } from './twins.ts';

/** Who is told how frames end. */
export interface Returning { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }

/** The frames of a thread. */
export class ThreadFrames extends FrameStack {
  /** Set while they are those of a call inside of the thread, which is told when they end. */
  returning: Returning | undefined = undefined;
}

/** Besides what frames written by hand come back with: 'preempted', its quantum is spent; 'native', the thread's function has returned a promise, which is in its `value`; 'answered', the frames have ended and who called them knows. */
export type CompiledOutcome = FrameOutcome | 'preempted' | 'native' | 'answered';

/** Begins a thread with a compiled function. Throws nothing. */
export function beginTwin(thread: LocalThread, twin: Twin, args: readonly unknown[]): CompiledOutcome {
  let made: unknown;
  try {
    made = apply(twin, undefined, args);
  } catch (error) {
    endByError(thread, error);
    return 'ended';
  }
  if (twin.hasHead === true) {
    if (made !== BEGAN) { thread.value = made; return 'native'; }
    made = takeFrame();
  }
  const frames = new ThreadFrames();
  frames.frame = made as Generator;
  thread.frame = frames;
  return startWait(thread, step(thread, frames, undefined, false));
}

/** Resumes a thread, inside its context. Throws nothing. */
export function resumeCompiled(thread: LocalThread, frames: ThreadFrames): CompiledOutcome {
  const byThrow = thread.beginResume();
  const { value } = thread;
  thread.value = undefined;
  return startWait(thread, step(thread, frames, value, byThrow));
}

/** Runs a compiled function up to its first wait, before there is a thread. Throws what it throws. @param isPrefix  its caller goes on then: it is not preempted before. @returns the frame when it waits: `adoptFrame` must follow at once */
export function runUntilWait(twin: Twin, self: unknown, args: readonly unknown[], isPrefix = false): { isDone: boolean; value: unknown } {
  const made = apply(twin, self, args);
  if (twin.hasHead === true && made !== BEGAN) return { isDone: true, value: made };
  const frame = twin.hasHead === true ? takeFrame() : made as Generator;
  refill();
  machine.isScheduled = true;
  machine.isPrefix = isPrefix;
  machine.depth = 0;
  try {
    const waiting = runToWait(frame);
    return waiting === undefined ? { isDone: true, value: machine.value } : { isDone: false, value: waiting };
  } finally {
    machine.isScheduled = false;
  }
}

/** The frame that waits is the thread's. Throws nothing. @param returning  who is told when it ends, if the thread does not end with it */
export function adoptFrame(thread: LocalThread, frame: Generator, returning?: Returning): CompiledOutcome {
  const frames = new ThreadFrames();
  frames.returning = returning;
  thread.frame = frames;
  machine.isScheduled = true;
  try {
    return startWait(thread, finish(thread, frames, adopt(frames, frame)));
  } catch (error) {
    return fail(thread, frames, error);
  } finally {
    machine.isScheduled = false;
  }
}

function step(thread: LocalThread, frames: ThreadFrames, value: unknown, byThrow: boolean): CompiledOutcome {
  refill();
  machine.isScheduled = true;
  try {
    return finish(thread, frames, runFrames(frames, value, byThrow));
  } catch (error) {
    return fail(thread, frames, error);
  } finally {
    machine.isScheduled = false;
  }
}

/** What the frames came back with. 'awaiting': what is awaited is in the thread's `value`. Throws what they throw when they are cancelled. */
function finish(thread: LocalThread, frames: ThreadFrames, outcome: Outcome): CompiledOutcome {
  const { value } = machine;
  machine.value = undefined;
  if (outcome === ENDED) return end(thread, frames, value);
  if (outcome === AWAIT && thread.takeCancellation()) {
    disown(value);
    return finish(thread, frames, runFrames(frames, thread.cancellation(), true));
  }
  const { entered } = thread;
  const kept = keptContext(entered);
  if (kept !== entered) thread.entered = kept;
  if (outcome === PRIMITIVE) return 'blocked';
  if (outcome === AWAIT) { thread.value = value; return 'awaiting'; }
  if (outcome === PREEMPT) { thread.keepResume(undefined, false, !machine.isAsWait); return 'preempted'; }
  thread.keepResume(value, false);
  return 'yielded';
}

function end(thread: LocalThread, { returning }: ThreadFrames, value: unknown): CompiledOutcome {
  if (returning !== undefined) { thread.frame = undefined; returning.resolve(value); return 'answered'; }
  if (isThenable(value)) { thread.frame = undefined; thread.value = value; return 'native'; }
  thread.end('done', value, undefined);
  return 'ended';
}

function fail(thread: LocalThread, { returning }: ThreadFrames, error: unknown): CompiledOutcome {
  if (returning !== undefined) { thread.frame = undefined; returning.reject(error); return 'answered'; }
  endByError(thread, error);
  return 'ended';
}

/** It was to be awaited, so its failure is not unhandled. */
function disown(value: unknown): void {
  try { apply(then, apply(resolve, NativePromise, [value]), [undefined, ignore]); } catch { /* its `constructor` threw, and would have been awaited as that */ }
}
const ignore = (): void => { /* nobody waits for it any more */ };

function startWait(thread: LocalThread, outcome: CompiledOutcome): CompiledOutcome {
  if (outcome === 'awaiting') waitFor(thread);
  return outcome;
}

const NativePromise = Promise;
const { resolve, prototype: { then } } = NativePromise;
const apply = Reflect.apply;

/**
 * A thread's wait for a promise. The reactions are the same two functions for all threads, for a thread is the async context in which they run: a wait
 * costs a promise, and no closures. A late answer to a wait that was given up cannot be told from the answer to the next one, so a thread that has ever
 * given one up has closures from then on.
 */
class ContextWait extends PromiseWait {
  override abandon(waiter: Waiter): Abandoned {
    haveLeft.add(waiter);
    hasAnyLeft = true;
    return super.abandon(waiter);
  }
}
const contextWait = new ContextWait();
const haveLeft = new WeakSet<Waiter>();
let hasAnyLeft = false;

/** What is awaited is in the thread's `value`, and stays there, for listings. Inside the thread's context. */
function waitFor(thread: LocalThread): void {
  let promise: unknown;
  try {
    promise = apply(resolve, NativePromise, [thread.value]);             // as `await` does: a promise is taken as it is
  } catch (error) {
    promise = NativePromise.reject(error);
  }
  thread.scheduler.recorder?.awaits(thread, nodeOfPoint((thread.frame as ThreadFrames).point));
  if (isContextShared && currentThread() === thread && !(hasAnyLeft && haveLeft.has(thread))) {
    thread.waitingOn = contextWait;
    apply(then, promise, [fulfilled, rejected]);
    return;
  }
  const wait = thread.waitingOn = new PromiseWait();
  apply(then, promise, [(value: unknown) => { if (thread.waitingOn === wait) goOn(thread, value, false); }, (error: unknown) => { if (thread.waitingOn === wait) goOn(thread, error, true); }]);
}

const fulfilled = (value: unknown): void => answer(value, false);
const rejected = (error: unknown): void => answer(error, true);
function answer(value: unknown, byThrow: boolean): void {
  const thread = currentThread();
  if (thread?.waitingOn === contextWait && !(hasAnyLeft && haveLeft.has(thread))) goOn(thread, value, byThrow);
}

/** What a thread has waited for is there. As long as nobody else is ready and the slice lasts, it is resumed right here; otherwise it goes through its run queue. */
function goOn(thread: LocalThread, value: unknown, byThrow: boolean): void {
  const { scheduler } = thread;
  const { offTurn } = scheduler;
  const frames = thread.frame as ThreadFrames;
  scheduler.recorder?.isThere(thread, nodeOfPoint(frames.point), byThrow);
  if (!offTurn.mayGoOn(thread)) { thread.wake(value, byThrow); return; }
  offTurn.begins(thread);
  thread.value = undefined;
  const outcome = thread.takeCancellation() ? step(thread, frames, thread.cancellation(), true) : step(thread, frames, value, byThrow);
  if (outcome !== 'awaiting') { offTurn.cameBack(thread, outcome); return; }
  waitFor(thread);
  offTurn.waits(thread);
}

/**
 * Calls a function inside of the current thread, which runs natively: a compiled one runs as the thread's frames, so that its resumptions are the
 * scheduler's and a cancellation reaches each of its awaits. Any other, and a second one beside it, is simply called.
 * @returns the value if it did not wait, else a promise of it
 */
export function callAsFrames(fn: (...args: never[]) => unknown, self: unknown, ...args: unknown[]): unknown {
  const twin = twinOf(fn);
  if (twin === undefined || machine.isScheduled || !mayHoldFrames()) return Reflect.apply(fn, self, args);
  const { isDone, value } = runUntilWait(twin, self, args, true);
  if (isDone) return value;
  const thread = currentThread() as LocalThread;
  const returning = Promise.withResolvers<unknown>();
  thread.scheduler.afterRun(thread, adoptFrame(thread, value as Generator, returning));
  return returning.promise;
}
