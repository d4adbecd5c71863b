/**
 * A stack of compiled frames on the heap, the paper's linked stack: the innermost frame is resumed directly, whatever the depth; frames that were
 * nested on the native stack are linked in once, as they unwind. A thread that runs compiled code has such a stack (compiled/threads.ts), driven by
 * the scheduler, and so has the activation behind a compiled function that was called from outside (activation.ts), driven by a native async function.
 * Frames suspend through the machine's registers and yield SUSPENDED. Generators that are written by hand have chains of their own (frame.ts).
 */
import { contextNow, restoreContext } from '../context.ts';
import { BEGAN, takeFrame } from './calls.ts';
import { CALL, machine, resumeFrame, throwInFrame, type Reason } from './machine.ts';
import { isPlainCall, NODE_WAIT, nodeOfPoint } from './points.ts';
import { isObject, mayGoOn, settled } from './settle.ts';
import { SUSPENDED } from '../suspended.ts';
import { noteCallers, noteFrame } from './traces.ts';

/** A frame that waits for its callee, and the point at which it does. */
export interface Caller {
  readonly frame: Generator;
  readonly point: number;
  /** The async context in which it waits. */
  readonly context: unknown;
  readonly below: Caller | undefined;
}

/** All frames have returned; the result lies in `machine.value`. */
export const ENDED = 0;
export type Outcome = typeof ENDED | Exclude<Reason, typeof CALL>;

export class FrameStack {
  /** The innermost frame; undefined when there is none (any more). */
  frame: Generator | undefined = undefined;
  callers: Caller | undefined = undefined;
  /** Index of the blocking point where the innermost frame stands; 0 where it has none. */
  point = 0;
}

/** The node of the blocking graph where a thread waits, or goes on from. @param frame  what it runs as */
export const nodeOf = (frame: unknown): number => (frame instanceof FrameStack ? nodeOfPoint(frame.point) : NODE_WAIT);

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
      step = byThrow ? throwInFrame(frame, value) : resumeFrame(frame, value);
    } catch (error) {
      machine.unwound.length = machine.unwoundAt.length = 0;
      const { callers } = stack;
      noteCallers(error, callers);
      if (callers === undefined) { stack.frame = undefined; throw error; }
      value = error;
      byThrow = true;
      popTo(stack, callers);
      continue;
    }
    byThrow = false;
    if (step.done === true) {
      value = step.value;
      if (value === BEGAN) {
        stack.frame = takeFrame();
        value = undefined;
        if (mayGoOn()) continue;
        stack.point = machine.point;
        return machine.reason as Outcome;
      }
      const { callers } = stack;
      if (callers === undefined) { stack.frame = undefined; machine.value = value; return ENDED; }
      if (isObject(value) && !isPlainCall(callers.point)) {
        try { value = settled(value); } catch (error) { value = error; byThrow = true; }
      }
      popTo(stack, callers);
      if (value !== SUSPENDED) continue;
      stack.point = callers.point;
      return machine.reason as Outcome;
    }
    const reason = suspend(stack);
    if (reason !== CALL) return reason;
    value = undefined;
  }
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
  const context = contextNow();
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

/** The innermost frame has ended: its caller is the innermost now, and goes on in its own async context. */
function popTo(stack: FrameStack, { frame, context, below }: Caller): void {
  stack.frame = frame;
  stack.callers = below;
  restoreContext(context);
}
