/**
 * A stack of frames on the heap, the paper's linked stack: the innermost frame is resumed directly, whatever the depth; frames that were nested on
 * the native stack are linked in once, as they unwind. Threads (thread.ts) are such stacks, driven by the scheduler, and so is the activation
 * behind a compiled function that was called from outside (activation.ts), driven by a native async function.
 *
 * Two kinds of frames, never mixed in one stack: those of compiled code suspend through the machine's registers and yield SUSPENDED; generators
 * written by hand yield what they wait for:
 *   a generator object   a call: it runs as a new frame; its result is the value of the `yield`
 *   a promise (thenable)  a wait: the frame goes on when it has settled, in its turn
 *   undefined            the processor is given up for one turn
 *   anything else        no wait: the value itself
 * Source: the linked stacks of Capriccio (SOSP 2003), with generators as chunks; `yield*` would cost a pass through every frame at each resume.
 */
import type { AsyncResource } from 'node:async_hooks';
import type { Cell } from '../context.ts';
import { CALL, YIELD, machine, resumeFrame, throwInFrame, type Reason } from './machine.ts';
import { isObject, settled, spend, suspendOn } from './settle.ts';
import { SUSPENDED } from './suspended.ts';
import { noteCallers, noteFrame } from './traces.ts';

/** A frame that waits for its callee, and the point at which it does. */
export interface Caller {
  readonly frame: Generator;
  readonly point: number;
  /** The async context in which it waits, where a scheduler drives it. */
  readonly context?: AsyncResource | undefined;
  readonly below: Caller | undefined;
}

/** The point of a call by hand: its frame yielded the callee. What that returns is no `await`'s value, and is not adopted. */
const BY_HAND = -1;

/** All frames have returned; the result lies in `machine.value`. */
export const ENDED = 0;
/** A caller goes on in its own async context, which is another: with `machine.value`, thrown in if `machine.byThrow`. */
export const SWITCHED = 5;
export type Outcome = typeof ENDED | typeof SWITCHED | Exclude<Reason, typeof CALL>;

export class FrameStack {
  /** The innermost frame; undefined when there is none (any more). */
  frame: Generator | undefined = undefined;
  callers: Caller | undefined = undefined;
  /** Its frames are those of compiled functions: what they return is awaited. */
  isCompiled = false;
  /** Index of the blocking point where the innermost frame stands; 0 where it has none. */
  point = 0;
  /** Of a thread: it waits in another async context than the one that its innermost frame goes on in, and must be entered through its cell. */
  mustEnter = false;
  /** Of a thread: its async context. */
  cell: Cell | undefined = undefined;
}

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

/** A frame has been run for the first time outside of any stack, and has suspended: it is the stack's now. Throws what the frames throw. */
export function adopt(stack: FrameStack, frame: Generator): Outcome {
  stack.frame = frame;
  const reason = suspend(stack);
  return reason === CALL ? runFrames(stack, undefined, false) : reason;
}

/** Resumes the innermost frame, and runs it, its callees and callers until the stack waits or ends. Throws what nobody in it catches. */
export function runFrames(stack: FrameStack, resumeWith: unknown, isThrown: boolean): Outcome {
  let value: unknown = resumeWith;
  let byThrow = isThrown;
  machine.stack = stack;
  if (isThrown) noteFrame(value, stack);
  for (;;) {
    const frame = stack.frame as Generator;
    let step: IteratorResult<unknown, unknown>;
    machine.depth = 0;
    try {
      if (stack.isCompiled) step = byThrow ? throwInFrame(frame, value) : resumeFrame(frame, value);
      else step = byThrow ? frame.throw(value) : frame.next(value);
    } catch (error) {
      machine.unwound.length = machine.unwoundAt.length = 0;
      const { callers } = stack;
      noteCallers(error, callers);
      if (callers === undefined) { stack.frame = undefined; throw error; }
      value = error;
      byThrow = true;
      if (popTo(stack, callers)) return switched(value, true);
      continue;
    }
    byThrow = false;
    if (step.done === true) {
      value = step.value;
      const { callers } = stack;
      if (callers === undefined) { stack.frame = undefined; machine.value = value; return ENDED; }
      if (callers.point !== BY_HAND && isObject(value)) {
        try { value = settled(value); } catch (error) { value = error; byThrow = true; }
      }
      const mustSwitch = popTo(stack, callers);
      if (value === SUSPENDED) {
        stack.point = callers.point;
        stack.mustEnter = mustSwitch;
        return machine.reason as Outcome;
      }
      if (mustSwitch) return switched(value, byThrow);
    } else if (step.value === SUSPENDED) {
      const reason = suspend(stack);
      if (reason !== CALL) return reason;
      value = undefined;
    } else {
      value = byHand(stack, step.value);
      if (value === SUSPENDED) return machine.reason as Outcome;
    }
  }
}

/** What a frame written by hand has yielded. @returns what it, or its callee, goes on with */
function byHand(stack: FrameStack, yielded: unknown): unknown {
  if (yielded === undefined) {
    machine.reason = YIELD;
    machine.value = undefined;
    stack.point = 0;
    return SUSPENDED;
  }
  let value: unknown = yielded;
  if (isGenerator(value)) {
    stack.callers = { frame: stack.frame as Generator, point: BY_HAND, below: stack.callers };
    stack.frame = value;
    value = undefined;
  } else if (isThenable(value)) {
    stack.point = 0;
    return suspendOn(value);
  }
  return --machine.budget < 0 ? spend(value) : value;
}

/** Links the frames that have unwound. A deferred callee becomes the innermost frame. */
function suspend(stack: FrameStack): Reason {
  const { reason } = machine;
  stack.point = machine.point;
  if (machine.unwound.length > 0 || reason === CALL) link(stack, reason);
  return reason;
}

function link(stack: FrameStack, reason: Reason): void {
  const { unwound, unwoundAt } = machine;
  const context = stack.cell?.keepContext();
  let { callers } = stack;
  let frame = stack.frame as Generator;
  for (let k = unwound.length - 1; k >= 0; k--) {
    callers = { frame, point: unwoundAt[k] as number, context, below: callers };
    frame = unwound[k] as Generator;
  }
  unwound.length = unwoundAt.length = 0;
  if (reason === CALL) {
    callers = { frame, point: machine.point, context, below: callers };
    frame = machine.frame as Generator;
    machine.frame = undefined;
  }
  stack.callers = callers;
  stack.frame = frame;
}

/** The innermost frame has ended; its caller is the innermost now. @returns whether that goes on in another async context */
function popTo(stack: FrameStack, caller: Caller): boolean {
  stack.frame = caller.frame;
  stack.callers = caller.below;
  return caller.context !== undefined && stack.cell?.switchTo(caller.context) === true;
}

function switched(value: unknown, byThrow: boolean): typeof SWITCHED {
  machine.value = value;
  machine.byThrow = byThrow;
  return SWITCHED;
}
