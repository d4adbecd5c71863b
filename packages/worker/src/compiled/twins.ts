/**
 * Twins: the generator function behind a compiled async function, and how one is found. The mark travels with the function value, so methods,
 * imports and callbacks need nothing more. A function without a valid mark is awaited natively, which is always correct.
 *
 * A twin knows its owner: wrappers that copy every property of a function, proxies, and functions that inherit from one would else pass for it.
 */
import { startActivation, startHead } from './activation.ts';
import { TWIN } from './twin-mark.ts';

export interface Twin {
  /** The frame; of a twin that has a head, what the head returns (calls.ts). */
  (this: unknown, ...args: unknown[]): unknown;
  owner?: unknown;
  /** Of the twin of a synchronous function (preemption.ts): calls of it inside of so many others are made natively, and what is known of how long they take. */
  nativeFrom?: number;
  least?: number;
  toTime?: number;
  streak?: number;
  /** It is no generator function: it runs without a frame, at least at its beginning. */
  hasHead?: boolean;
  /** Of one with a native form (native-form.ts): so many calls are made natively before it is tried again, and how many it was last time. */
  skips: number;
  penalty: number;
}
type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const define = Object.defineProperty;
const call = Reflect.apply;

/** The twin of a function; undefined for whatever has none. */
export function twinOf(value: unknown): Twin | undefined {
  if (typeof value !== 'function') return undefined;
  const twin = (value as { [TWIN]?: Twin })[TWIN];
  return twin !== undefined && twin.owner === value ? twin : undefined;
}

const hasHead = (twin: Twin): boolean => (twin as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] !== 'GeneratorFunction';

/** Marks a compiled function with its twin. @returns the function */
export function brand(fn: AnyFunction, twin: Twin, name?: string): AnyFunction {
  own(fn, twin);
  if (name !== undefined) define(fn, 'name', { value: name, configurable: true });
  return fn;
}
function own(fn: AnyFunction, twin: Twin): void {
  twin.owner = fn;
  twin.hasHead = hasHead(twin);
  twin.skips = twin.penalty = 0;
  define(fn, TWIN, { value: twin, configurable: true });
}

/** Takes twins off a class on which they stand as methods beside their functions. */
export function brandMethods(holder: Record<string, unknown>, ...names: string[]): void {
  for (let k = 0; k < names.length; k += 2) {
    const [name, twinName] = [names[k], names[k + 1]] as [string, string];
    own(holder[name] as AnyFunction, holder[twinName] as Twin);
    delete holder[twinName];
  }
}

/** The function that users hold of a twin that has none yet: a native async method, with the name and length that it would have had. */
export function wrap(twin: Twin, name: string, length: number): AnyFunction {
  const isPlain = hasHead(twin);
  const wrapper = {
    async method(this: unknown, ...args: unknown[]): Promise<unknown> {
      for (const activation = isPlain ? startHead(call(twin, this, args)) : startActivation(call(twin, this, args) as Generator); ;) {
        if (activation.isDone) return activation.value;
        let value: unknown;
        let byThrow = false;
        try { value = await activation.value; } catch (error) { byThrow = true; value = error; }
        activation.resume(value, byThrow);
      }
    },
  }.method as AnyFunction;
  define(wrapper, 'name', { value: name, configurable: true });
  define(wrapper, 'length', { value: length, configurable: true });
  own(wrapper, twin);
  return wrapper;
}

/** Puts wrappers in the place of the twins that stand as methods of a class. */
export function wrapMethods(holder: object, ...names: string[]): void {
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor;
    const twin = descriptor.value as Twin;
    define(holder, name, { ...descriptor, value: wrap(twin, twin.name, twin.length) });
  }
}
