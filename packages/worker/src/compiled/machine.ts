/**
 * The registers of the machine that compiled code runs on: one set an isolate. An awaited call runs on the native stack; when the innermost frame
 * must wait, why it must lies here, and every frame between it and the driver notes itself as it unwinds.
 * Next: calls.ts (who suspends), frames.ts (who links what has unwound, and resumes it).
 */

import type { FrameStack } from './frames.ts';

/** Why the innermost frame has suspended. */
export const AWAIT = 1;
/** A primitive has noted the thread, and will wake it. */
export const PRIMITIVE = 2;
/** The processor is given up: the frame goes on with `value` in its turn. */
export const YIELD = 3;
/** The native stack is nested deeply enough: `frame` goes on as a frame of the heap. */
export const CALL = 4;

/** The quantum is spent, in a loop: nothing is awaited. */
export const PREEMPT = 5;

export type Reason = typeof AWAIT | typeof PRIMITIVE | typeof YIELD | typeof CALL | typeof PREEMPT;

interface Machine {
  reason: Reason;
  /** AWAIT: what is awaited; YIELD: what the frame is resumed with. */
  value: unknown;
  /** CALL: the callee. Or the frame that a head has begun, until its caller has taken it. */
  frame: Generator | undefined;
  /** Index of the blocking point (points.ts) at which the innermost frame stands. */
  point: number;
  /** Frames that have unwound, innermost first, and the points at which their callers stand. */
  readonly unwound: Generator[];
  readonly unwoundAt: number[];
  /** Frames that are nested on the native stack, about. */
  depth: number;
  /** Awaits that may end at once before the clock is read. */
  budget: number;
  /** When the thread's quantum ends, ms; 0 until the clock is first read. */
  sliceEnd: number;
  /** Longest run of a thread, ms. */
  quantumMs: number;
  /** When a loop last looked at the clock, ms; 0: not since the thread went on. */
  lookedAt: number;
  /** What runs was called by code that goes on when it waits: it is not preempted. */
  isPrefix: boolean;
  /** PREEMPT: a cancellation may be thrown in. */
  isAsWait: boolean;
  /** Twins of synchronous functions around the one that is about to begin. */
  entering: number;
  /** The stack whose frames run, or ran last: for stack traces. */
  stack: FrameStack | undefined;
  /** A scheduler drives the frames, not a native async function: primitives may suspend them directly. */
  isScheduled: boolean;
}

export const machine: Machine = {
  reason: AWAIT, value: undefined, frame: undefined, point: 0, unwound: [], unwoundAt: [], depth: 0, budget: 0, sliceEnd: 0,
  quantumMs: 1, lookedAt: 0, isPrefix: false, isAsWait: false, entering: 0, stack: undefined, isScheduled: false,
};

/** Frames that may be nested on the native stack: 400 of them take about 200 KB of its 984. */
export const NESTED_MAX = 400;
/** Awaits that end at once between two looks at the clock. */
export const BUDGET = 128;

/** Runs `run` on registers of its own: something is being run already, which goes on after it. */
export function aside<A, R>(run: (argument: A) => R, argument: A): R {
  const { point, depth, budget, sliceEnd, lookedAt, isPrefix, isAsWait, entering, stack, isScheduled } = machine;
  try {
    return run(argument);
  } finally {
    machine.point = point;
    machine.depth = depth;
    machine.budget = budget;
    machine.sliceEnd = sliceEnd;
    machine.lookedAt = lookedAt;
    machine.isPrefix = isPrefix;
    machine.isAsWait = isAsWait;
    machine.entering = entering;
    machine.stack = stack;
    machine.isScheduled = isScheduled;
  }
}

const generators = Object.getPrototypeOf(Object.getPrototypeOf((function* (): Generator { /* never run */ })())) as Generator;
const { next, throw: throwIn } = generators;

/**
 * Resumes a frame. Each generator function gives its generators a prototype of their own, so looking up `next` where many come by is dear: with 64
 * different callees an awaited hit takes 52 ns with the look-up, 36 without, 40 natively.
 */
export const resumeFrame = (frame: Generator, value: unknown): IteratorResult<unknown, unknown> => Reflect.apply(next, frame, [value]);
export const throwInFrame = (frame: Generator, error: unknown): IteratorResult<unknown, unknown> => Reflect.apply(throwIn, frame, [error]);
