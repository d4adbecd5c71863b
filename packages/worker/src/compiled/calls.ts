/**
 * Awaited calls of compiled code, by arity: `await f(a)` becomes `call1(point, f, a)`, `await o.m(a)` becomes `method1(point, o, o.m, a)`, so callee,
 * arguments and the test whether it can be called keep their order. Each returns the value that the `await` gives, or SUSPENDED: then its caller
 * yields. First choice is the callee's twin, run at once on this stack; then a primitive's direct form; else it is called and awaited.
 */
import { AWAIT, CALL, NESTED_MAX, PRIMITIVE, machine, resumeFrame } from './machine.ts';
import { pointAt } from './points.ts';
import { isObject, mayGoOn, settled, suspendOn } from './settle.ts';
import { DIRECT, SUSPENDED } from '../suspended.ts';
import { TWIN } from './twin-mark.ts';
import type { Twin } from './twins.ts';

type Callable = (this: unknown, ...args: unknown[]) => unknown;
interface Marked { readonly [key: symbol]: unknown }

const apply = Reflect.apply;

/** Runs a frame, and those that take its place, up to the first wait. @returns the one that waits; undefined: they have ended, and the value is the machine's */
export function runToWait(frame: Generator): Generator | undefined {
  for (let own = frame; ;) {
    const { done, value } = resumeFrame(own, undefined);
    if (done !== true) return own;
    if (value !== BEGAN) { machine.value = value; return undefined; }
    own = takeFrame();
    if (!mayGoOn()) return own;
  }
}

/** Runs a frame at once, nested on the native stack. @param point  where its caller stands */
export function enter(point: number, frame: Generator): unknown {
  const { depth } = machine;
  if (depth > NESTED_MAX) return defer(point, frame);
  machine.depth = depth + 1;
  const waiting = runToWait(frame);
  machine.depth = depth;
  if (waiting === undefined) {
    const { value } = machine;
    return --machine.budget < 0 || isObject(value) ? settled(value) : value;
  }
  machine.unwound.push(waiting);
  machine.unwoundAt.push(point);
  return SUSPENDED;
}

/**
 * What a function returns whose head runs without a frame: its value, or BEGAN when the head has not ended it; then its frame lies in the machine. A frame
 * that ends with a call (tails.ts) returns the same, and the callee's frame takes its place.
 */
export const BEGAN: object = { toString: () => 'BEGAN' };
export function began(frame: Generator): typeof BEGAN {
  machine.frame = frame;
  return BEGAN;
}
/** The frame that a head has begun. */
export function takeFrame(): Generator {
  const frame = machine.frame as Generator;
  machine.frame = undefined;
  return frame;
}
/** A head has come back. @param point  where its caller stands */
export function enterHead(point: number, value: unknown): unknown {
  if (value === BEGAN) return enter(point, takeFrame());
  if (--machine.budget >= 0 && !isObject(value)) return value;
  machine.point = point;
  return settled(value);
}
/** A twin has been called. */
const entered = (point: number, twin: Twin, made: unknown): unknown => (twin.hasHead === true ? enterHead(point, made) : enter(point, made as Generator));

/** The stack is nested deeply: the frame goes on the heap, and its driver runs it. */
function defer(point: number, frame: Generator): typeof SUSPENDED {
  machine.reason = CALL;
  machine.point = point;
  machine.frame = frame;
  return SUSPENDED;
}

/** What a call without twin has returned is awaited natively. */
function wait(point: number, value: unknown): unknown {
  machine.point = point;
  if (machine.isScheduled && !isObject(value)) return --machine.budget < 0 ? settled(value) : value;
  machine.reason = AWAIT;
  machine.value = value;
  return SUSPENDED;
}

/** The direct form of something that has no twin, where threads may use it. Throws when it cannot be called. */
function directOf(point: number, fn: unknown): Callable | undefined {
  if (typeof fn !== 'function') throw new TypeError(`${pointAt(point).callee} is not a function`);
  return machine.isScheduled ? (fn as unknown as Marked)[DIRECT] as Callable | undefined : undefined;
}

/** A direct form has answered, or has noted the thread. */
function answered(point: number, value: unknown): unknown {
  if (value !== SUSPENDED) return --machine.budget < 0 ? settled(value) : value;
  machine.reason = PRIMITIVE;
  machine.point = point;
  return SUSPENDED;
}

const markOf = (fn: unknown): Twin | undefined => (fn as Marked | null | undefined)?.[TWIN] as Twin | undefined;
const isOwn = (twin: Twin | undefined, fn: unknown): twin is Twin => twin !== undefined && twin.owner === fn;

export function call0(point: number, fn: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, (twin as () => unknown)());
  const direct = directOf(point, fn);
  return direct === undefined ? wait(point, (fn as Callable)()) : answered(point, direct.call(undefined));
}
export function call1(point: number, fn: unknown, a: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, (twin as (a: unknown) => unknown)(a));
  const direct = directOf(point, fn);
  return direct === undefined ? wait(point, (fn as Callable)(a)) : answered(point, direct.call(undefined, a));
}
export function call2(point: number, fn: unknown, a: unknown, b: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, (twin as (a: unknown, b: unknown) => unknown)(a, b));
  const direct = directOf(point, fn);
  return direct === undefined ? wait(point, (fn as Callable)(a, b)) : answered(point, direct.call(undefined, a, b));
}
export function call3(point: number, fn: unknown, a: unknown, b: unknown, c: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, (twin as (a: unknown, b: unknown, c: unknown) => unknown)(a, b, c));
  const direct = directOf(point, fn);
  return direct === undefined ? wait(point, (fn as Callable)(a, b, c)) : answered(point, direct.call(undefined, a, b, c));
}
export function callMany(point: number, fn: unknown, ...args: unknown[]): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, (twin as (...args: unknown[]) => unknown)(...args));
  const direct = directOf(point, fn);
  return direct === undefined ? wait(point, (fn as Callable)(...args)) : answered(point, apply(direct, undefined, args));
}

export function method0(point: number, self: unknown, fn: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, apply(twin, self, []));
  const direct = directOf(point, fn);
  if (direct !== undefined) return answered(point, apply(direct, self, []));
  return wait(point, apply(fn as Callable, self, []));
}
export function method1(point: number, self: unknown, fn: unknown, a: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, apply(twin, self, [a]));
  const direct = directOf(point, fn);
  if (direct !== undefined) return answered(point, apply(direct, self, [a]));
  return wait(point, apply(fn as Callable, self, [a]));
}
export function method2(point: number, self: unknown, fn: unknown, a: unknown, b: unknown): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, apply(twin, self, [a, b]));
  const direct = directOf(point, fn);
  if (direct !== undefined) return answered(point, apply(direct, self, [a, b]));
  return wait(point, apply(fn as Callable, self, [a, b]));
}
export function methodMany(point: number, self: unknown, fn: unknown, ...args: unknown[]): unknown {
  const twin = markOf(fn);
  if (isOwn(twin, fn)) return entered(point, twin, apply(twin, self, args));
  const direct = directOf(point, fn);
  return direct === undefined ? wait(point, apply(fn as Callable, self, args)) : answered(point, apply(direct, self, args));
}

/** `await value`, where the value is no call. */
export const value: (point: number, value: unknown) => unknown = wait;

/** `await` of what must be waited for in any case: a literal, by which code gives others their turn. */
export function pause(point: number, awaited: unknown): typeof SUSPENDED {
  machine.point = point;
  return suspendOn(awaited);
}
