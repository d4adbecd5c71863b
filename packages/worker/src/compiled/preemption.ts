/**
 * Preemption: what the loops and calls of compiled code ask. A loop looks at the clock after so many turns as take about a tenth of a quantum, which is
 * learnt; when the thread's quantum is spent it suspends as at an `await`, and its scheduler puts it behind who has had less. Which loops ask is the
 * compiler's (packages/compiler/src/preempt). A synchronous function that may be preempted has a twin, a frame like those of async functions: `plain`
 * runs it where the call is likely to be long, else the function itself, at full speed.
 *
 * In the synchronous prefix of a call that nobody awaits nothing is preempted: its caller goes on when it is over.
 */
import { types } from 'node:util';
import { sharedNow } from '../clock.ts';
import { SUSPENDED } from '../suspended.ts';
import { CALL, NESTED_MAX, PREEMPT, machine, resumeFrame } from './machine.ts';
import { pointAt } from './points.ts';
import { TWIN } from './twin-mark.ts';
import type { Twin } from './twins.ts';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

/** Turns of a function's loops before its first look. */
const FIRST_TURNS = 16;
const TURNS_MAX = 262_144;
/** From one look to the next the number of turns grows at most so many times. */
const GROWTH_MAX = 8;
/** Looks in a quantum. */
const LOOKS = 10;
/** Of calls that have been short, one in so many is timed. */
const CALLS_A_SAMPLE = 16;
/** A level of a recursion divides its work by so much, at least: from how long a call took follows how many levels further down they are short. */
const LEVEL_FACTOR = 1.5;
const LEVELS_MAX = 64;
/** Of half a quantum: what is shorter could be made natively one level further up; and so much longer is no accident. */
const SHORT = 0.04;
const SHORT_STREAK = 4;
const FAR = 40;

/** Longest run of a thread, ms. 0: every look preempts, for tests. */
export function setQuantum(ms: number): void { machine.quantumMs = ms; }

/** Turns until the first look. */
export const turns = (): number => (machine.quantumMs === 0 ? 1 : FIRST_TURNS);

/** Of a twin that begins: how many are around it. */
export function depth(): number {
  const around = machine.entering;
  machine.entering = 0;
  return around;
}

/**
 * Whether the thread must give up the processor.
 * @param made  turns since the last look  @param point  where the loop stands  @param may  what it was proved on is the case
 * @returns turns until the next look; negative: the frame must yield SUSPENDED first
 */
export function look(made: number, point: number, may: boolean): number {
  machine.isAsWait = false;
  return lookAround(made, point, may);
}
/** The same in a loop whose author lets others in: a cancellation is thrown in there too. */
export function lookAsWait(made: number, point: number, may: boolean): number {
  machine.isAsWait = true;
  return lookAround(made, point, may);
}

function lookAround(made: number, point: number, may: boolean): number {
  const now = sharedNow();
  const next = machine.quantumMs === 0 ? 1 : turnsAfter(made, now - machine.lookedAt);
  machine.lookedAt = now;
  if (machine.sliceEnd === 0) machine.sliceEnd = now + machine.quantumMs;
  if (!may || machine.isPrefix || now < machine.sliceEnd) return next;
  machine.reason = PREEMPT;
  machine.value = undefined;
  machine.point = point;
  return -next;
}

function turnsAfter(made: number, tookMs: number): number {
  if (tookMs <= 0) return Math.min(TURNS_MAX, made * GROWTH_MAX);
  const next = Math.round(made * machine.quantumMs / LOOKS / tookMs);
  return Math.max(1, Math.min(next, made * GROWTH_MAX, TURNS_MAX));
}

/** No value is an object, so no operator calls a method. */
export function primitives(...values: unknown[]): boolean {
  for (const value of values) if ((typeof value === 'object' && value !== null) || typeof value === 'function') return false;
  return true;
}

/** What `for … of` iterates over, strip by strip where its iterator can be left and taken up again. */
export interface Strips { readonly values: unknown; readonly stops: boolean; /** An array, which may be gone over by index. */ readonly list: readonly unknown[] | undefined }

const { isProxy } = types;
const iteratorOf = Symbol.iterator;
const arrays = Array.prototype;
const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const known = new Map<unknown, { readonly method: unknown; readonly iterators: { next: unknown }; readonly next: unknown }>();
for (const [holder, example] of [[arrays, []], [typedArrays, new Uint8Array()], [Map.prototype, new Map()], [Set.prototype, new Set()]] as const) {
  const iterators = Object.getPrototypeOf((example as unknown as Record<symbol, () => object>)[iteratorOf]?.() as object) as { next: unknown };
  known.set(holder, { method: (holder as unknown as Record<symbol, unknown>)[iteratorOf], iterators, next: iterators.next });
}

/** An array, map or set as the language makes them has an iterator without `return`: leaving a loop over it does not close it. Nothing that is asked here can run code. */
export function strips(iterable: unknown): Strips {
  if (typeof iterable !== 'object' || iterable === null || isProxy(iterable)) return { values: iterable, stops: false, list: undefined };
  const prototype = Object.getPrototypeOf(iterable) as object | null;
  const holder = ArrayBuffer.isView(iterable) && prototype !== null ? Object.getPrototypeOf(prototype) as object | null : prototype;
  const own = known.get(holder);
  if (own === undefined || Object.hasOwn(iterable, iteratorOf) || (holder as Record<symbol, unknown>)[iteratorOf] !== own.method || own.iterators.next !== own.next) return { values: iterable, stops: false, list: undefined };
  return { values: Reflect.apply(own.method as Callable, iterable, []), stops: true, list: holder === arrays ? iterable as unknown[] : undefined };
}

/**
 * Calls a function that may have a twin, from a place that may be preempted. @param around  calls of twins that are nested around it, Infinity where none may be
 * @returns what it returns, or SUSPENDED
 */
export function plain(point: number, around: number, fn: unknown, ...args: unknown[]): unknown {
  const twin = (fn as { [TWIN]?: Twin } | null | undefined)?.[TWIN];
  if (twin === undefined || twin.owner !== fn || twin.nativeFrom === undefined || machine.isPrefix || around === Infinity) {
    if (typeof fn !== 'function') throw new TypeError(`${pointAt(point).callee} is not a function`);
    return (fn as Callable)(...args);
  }
  const isNative = around >= twin.nativeFrom && machine.quantumMs !== 0;
  const began = --(twin as Timed).toTime > 0 ? 0 : sharedNow();
  const result = isNative ? (fn as Callable)(...args) : enterPlain(point, around, (twin as (...args: unknown[]) => Generator)(...args));
  if (began !== 0) learn(twin as Timed, around, isNative, result === SUSPENDED ? Infinity : sharedNow() - began);
  return result;
}

interface Timed extends Twin { nativeFrom: number; least: number; toTime: number; streak: number }

/**
 * Calls that are made natively are to take between a fiftieth and a half of a quantum. Two that took longer, or one that took far longer (the kernel may
 * have given the core to others meanwhile), move the limit down the recursion; some that were all shorter move it up.
 */
function learn(twin: Timed, around: number, isNative: boolean, tookMs: number): void {
  const excess = tookMs / (machine.quantumMs / 2);
  twin.toTime = excess >= 1 && isNative ? 1 : CALLS_A_SAMPLE;
  if (excess < 1 || !isNative) {
    if (excess > SHORT || around > twin.nativeFrom) { twin.streak = 0; return; }
    twin.streak = Math.min(0, twin.streak) - 1;
    if (twin.streak > -SHORT_STREAK) return;
    twin.streak = 0;
    twin.nativeFrom = Math.max(twin.least, twin.nativeFrom - 1);
  } else if (excess < FAR && twin.streak <= 0) twin.streak = 1;
  else {
    twin.streak = 0;
    twin.nativeFrom = Math.min(LEVELS_MAX, around + 1 + Math.ceil(Math.log(excess) / Math.log(LEVEL_FACTOR)));
  }
}

/** Runs a frame at once, as an awaited call does, but for what becomes of its value: that is its own. */
function enterPlain(point: number, around: number, frame: Generator): unknown {
  const { depth: nested } = machine;
  machine.entering = around + 1;
  if (nested > NESTED_MAX) {
    machine.reason = CALL;
    machine.point = point;
    machine.frame = frame;
    return SUSPENDED;
  }
  machine.depth = nested + 1;
  const { done, value } = resumeFrame(frame, undefined);
  machine.depth = nested;
  if (done === true) return value;
  machine.unwound.push(frame);
  machine.unwoundAt.push(point);
  return SUSPENDED;
}

/** Gives a synchronous function its twin. @param nativeFrom  see `plain` @param name  of a function that has none of its own */
export function brandPlain(fn: Callable, twin: Twin, nativeFrom: number, name?: string): Callable {
  twin.owner = fn;
  twin.nativeFrom = nativeFrom;
  twin.least = nativeFrom === 1 ? 1 : 0;
  twin.toTime = 1;
  twin.streak = 0;
  Object.defineProperty(fn, TWIN, { value: twin, configurable: true });
  if (name !== undefined && name !== '') Object.defineProperty(fn, 'name', { value: name, configurable: true });
  return fn;
}
