/**
 * Calls whose result a compiled function returns as it is: `return f(a)` becomes `return tail1(place, f, a)`, which gives what a head gives that has begun
 * a frame (calls.ts), so that whoever ran the function runs its callee in its place. A callee without a twin is simply called.
 * Next: the compiler's tails.ts says where.
 */
import { began } from './calls.ts';
import { machine } from './machine.ts';
import { pointAt } from './points.ts';
import { TWIN } from './twin-mark.ts';
import type { Twin } from './twins.ts';

type Callable = (this: unknown, ...args: unknown[]) => unknown;
const apply = Reflect.apply;

/** The twin of an async function; those of others are for preemption. Throws when it cannot be called. */
function twinOf(place: number, fn: unknown): Twin | undefined {
  const twin = (fn as { [TWIN]?: Twin } | null | undefined)?.[TWIN];
  if (twin !== undefined && twin.owner === fn && twin.nativeFrom === undefined) {
    machine.point = place;                                               // where it stands if it does not begin at once
    return twin;
  }
  if (typeof fn !== 'function') throw new TypeError(`${pointAt(place).callee} is not a function`);
  return undefined;
}
const begun = (twin: Twin, made: unknown): unknown => (twin.hasHead === true ? made : began(made as Generator));

export function tail0(place: number, fn: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? (fn as Callable)() : begun(twin, (twin as () => unknown)());
}
export function tail1(place: number, fn: unknown, a: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? (fn as Callable)(a) : begun(twin, (twin as (a: unknown) => unknown)(a));
}
export function tail2(place: number, fn: unknown, a: unknown, b: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? (fn as Callable)(a, b) : begun(twin, (twin as (a: unknown, b: unknown) => unknown)(a, b));
}
export function tail3(place: number, fn: unknown, a: unknown, b: unknown, c: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? (fn as Callable)(a, b, c) : begun(twin, (twin as (a: unknown, b: unknown, c: unknown) => unknown)(a, b, c));
}
export function tailMany(place: number, fn: unknown, ...args: unknown[]): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? (fn as Callable)(...args) : begun(twin, (twin as (...args: unknown[]) => unknown)(...args));
}

export function tailMethod0(place: number, self: unknown, fn: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? apply(fn as Callable, self, []) : begun(twin, apply(twin, self, []));
}
export function tailMethod1(place: number, self: unknown, fn: unknown, a: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? apply(fn as Callable, self, [a]) : begun(twin, apply(twin, self, [a]));
}
export function tailMethod2(place: number, self: unknown, fn: unknown, a: unknown, b: unknown): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? apply(fn as Callable, self, [a, b]) : begun(twin, apply(twin, self, [a, b]));
}
export function tailMethodMany(place: number, self: unknown, fn: unknown, ...args: unknown[]): unknown {
  const twin = twinOf(place, fn);
  return twin === undefined ? apply(fn as Callable, self, args) : begun(twin, apply(twin, self, args));
}
