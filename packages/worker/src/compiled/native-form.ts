/**
 * The native form of a compiled function, which whoever is not compiled calls: its body runs as an async function of the engine, and waits natively. Its
 * awaited calls come here. A callee's twin is run at once on this stack, and if it ends without waiting nothing waits; if it waits, the rest of it is
 * driven by a native async function. A callee that has waited is called natively for a while, since what waits anyway is cheapest so, and then tried
 * again, after ever longer.
 */
import { Activation, afterOthers } from './activation.ts';
import { adopt } from './frames.ts';
import { BEGAN, runToWait, takeFrame } from './calls.ts';
import { YIELD, machine } from './machine.ts';
import { pointAt } from './points.ts';
import { isObject, refill, settled } from './settle.ts';
import { SUSPENDED } from '../suspended.ts';
import { TWIN } from './twin-mark.ts';
import type { Twin } from './twins.ts';

const apply = Reflect.apply;

type Callable = (this: unknown, ...args: unknown[]) => unknown;
/** Whether the caller has waited before; undefined: not yet, so who called it goes on below. */
type HasWaited = 1 | undefined;

/** The value is there: `take` gives it. Anything else is awaited. */
export const NOW: object = { toString: () => 'NOW' };
export function take(): unknown {
  const { value } = machine;
  machine.value = undefined;
  return value;
}

/** What was awaited is there: at the bottom of the stack, in a microtask. */
export function back(value: unknown): unknown {
  refill();
  return value;
}

/** Native calls between two trials of a twin that always waits. */
const SKIPS_MAX = 128;
const FIRST_SKIPS = 8;

/** The twin of a function, if it is likely to end without waiting. Throws when it cannot be called. */
function promising(point: number, fn: unknown): Twin | undefined {
  const twin = (fn as { [TWIN]?: Twin } | null | undefined)?.[TWIN];
  if (twin !== undefined && twin.owner === fn) {
    if (twin.skips === 0) return twin;
    twin.skips--;
  } else if (typeof fn !== 'function') throw new TypeError(`${pointAt(point).callee} is not a function`);
  return undefined;
}

function noteWait(twin: Twin): void { twin.skips = twin.penalty = Math.min(SKIPS_MAX, Math.max(FIRST_SKIPS, twin.penalty * 2)); }

/** Runs what a twin has given. The registers are those of code that no scheduler drives, meanwhile. @returns NOW, or what is to be awaited */
function run(hasWaited: HasWaited, twin: Twin | undefined, isHead: boolean | undefined, made: unknown): unknown {
  if (isHead === true && made !== BEGAN) return ended(twin, made);
  const frame = isHead === true ? takeFrame() : made as Generator;
  const { isScheduled, isPrefix, depth, stack } = machine;
  machine.isScheduled = false;
  machine.isPrefix = hasWaited === undefined;
  machine.depth = depth + 1;
  try {
    const waiting = runToWait(frame);
    if (waiting === undefined) return ended(twin, machine.value);
    if (twin !== undefined) noteWait(twin);
    const activation = new Activation();
    activation.note(adopt(activation, waiting));
    if (!activation.isDone) return drive(activation);
    machine.value = activation.value;
    return NOW;
  } finally {
    machine.isScheduled = isScheduled;
    machine.isPrefix = isPrefix;
    machine.depth = depth;
    machine.stack = stack;
  }
}

function ended(twin: Twin | undefined, made: unknown): unknown {
  const value = --machine.budget < 0 || isObject(made) ? settled(made) : made;
  if (value === SUSPENDED) return machine.reason === YIELD ? afterOthers(take()) : take();
  if (twin !== undefined && twin.penalty > 0) twin.penalty >>= 1;
  machine.value = value;
  return NOW;
}

async function drive(activation: Activation): Promise<unknown> {
  for (;;) {
    let value: unknown;
    let byThrow = false;
    try { value = await activation.value; } catch (error) { byThrow = true; value = error; }
    activation.resume(value, byThrow);
    if (activation.isDone) return activation.value;
  }
}

export function nativeCall0(hasWaited: HasWaited, point: number, fn: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? (fn as Callable)() : run(hasWaited, twin, twin.hasHead, (twin as () => unknown)());
}
export function nativeCall1(hasWaited: HasWaited, point: number, fn: unknown, a: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? (fn as Callable)(a) : run(hasWaited, twin, twin.hasHead, (twin as (a: unknown) => unknown)(a));
}
export function nativeCall2(hasWaited: HasWaited, point: number, fn: unknown, a: unknown, b: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? (fn as Callable)(a, b) : run(hasWaited, twin, twin.hasHead, (twin as (a: unknown, b: unknown) => unknown)(a, b));
}
export function nativeCall3(hasWaited: HasWaited, point: number, fn: unknown, a: unknown, b: unknown, c: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? (fn as Callable)(a, b, c) : run(hasWaited, twin, twin.hasHead, (twin as (a: unknown, b: unknown, c: unknown) => unknown)(a, b, c));
}
export function nativeCallMany(hasWaited: HasWaited, point: number, fn: unknown, ...args: unknown[]): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? (fn as Callable)(...args) : run(hasWaited, twin, twin.hasHead, (twin as (...args: unknown[]) => unknown)(...args));
}

export function nativeMethod0(hasWaited: HasWaited, point: number, self: unknown, fn: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? apply(fn as Callable, self, []) : run(hasWaited, twin, twin.hasHead, apply(twin, self, []));
}
export function nativeMethod1(hasWaited: HasWaited, point: number, self: unknown, fn: unknown, a: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? apply(fn as Callable, self, [a]) : run(hasWaited, twin, twin.hasHead, apply(twin, self, [a]));
}
export function nativeMethod2(hasWaited: HasWaited, point: number, self: unknown, fn: unknown, a: unknown, b: unknown): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? apply(fn as Callable, self, [a, b]) : run(hasWaited, twin, twin.hasHead, apply(twin, self, [a, b]));
}
export function nativeMethodMany(hasWaited: HasWaited, point: number, self: unknown, fn: unknown, ...args: unknown[]): unknown {
  const twin = promising(point, fn);
  return twin === undefined ? apply(fn as Callable, self, args) : run(hasWaited, twin, twin.hasHead, apply(twin, self, args));
}

/** The twin of a private method has been called: it carries no record. */
export const nativeFrame = (hasWaited: HasWaited, frame: unknown): unknown => run(hasWaited, undefined, false, frame);
export const nativeHead = (hasWaited: HasWaited, value: unknown): unknown => run(hasWaited, undefined, true, value);
