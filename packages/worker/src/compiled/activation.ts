/**
 * A compiled function that was called, and not awaited by compiled code: its wrapper is a native async function, and drives the twin's frames with
 * native awaits. So ticks, async context, unhandled rejections and the promise itself are the engine's own.
 */
import { FrameStack, adopt, runFrames, type Outcome } from './frames.ts';
import { AWAIT, PREEMPT, YIELD, machine } from './machine.ts';
import { BEGAN, runToWait, takeFrame } from './calls.ts';
import { refill } from './settle.ts';

/** What a wrapper holds: ended with a value, or waiting for one. */
export class Activation extends FrameStack {
  isDone = false;
  /** The result, or what is awaited. */
  value: unknown = undefined;

  /** What was awaited has settled: called by a native driver in a microtask, at the bottom of the stack. Throws what the frames throw. */
  resume(value: unknown, byThrow: boolean): void {
    refill();
    this.note(runFrames(this, value, byThrow));
  }

  note(outcome: Outcome): void {
    if (outcome === AWAIT) this.value = machine.value;
    else if (outcome === YIELD || outcome === PREEMPT) this.value = afterOthers(machine.value);
    else {
      this.value = machine.value;
      this.isDone = true;
    }
    machine.value = undefined;
  }
}

/** Ended at once: read before anything else can run, so one serves all. */
const ended = new Activation();
ended.isDone = true;

/** Runs a frame up to its first wait. Throws what it throws. */
export function startActivation(frame: Generator): Activation {
  const { isScheduled, depth, stack, isPrefix } = machine;
  machine.isScheduled = false;
  machine.isPrefix = true;
  try {
    const waiting = runToWait(frame);
    if (waiting === undefined) {
      ended.value = machine.value;
      machine.value = undefined;
      return ended;
    }
    const activation = new Activation();
    activation.note(adopt(activation, waiting));
    return activation;
  } finally {
    machine.isScheduled = isScheduled;
    machine.isPrefix = isPrefix;
    machine.depth = depth;
    machine.stack = stack;
  }
}

/** The same of a twin whose head has run without a frame. @param value  what it has returned */
export function startHead(value: unknown): Activation {
  if (value === BEGAN) return startActivation(takeFrame());
  ended.value = value;
  return ended;
}

/** Resolves when the event loop has gone round. */
export const afterOthers = (value: unknown): Promise<unknown> => new Promise((resolve) => { setImmediate(resolve, value); });
