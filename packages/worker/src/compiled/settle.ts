/**
 * What becomes of a value that an awaited compiled call returns: an async function adopts promises and thenables, anything else passes. And the
 * budget of awaits that end at once: without it `while (!flag) await noop()` would never let anybody set the flag.
 */
import { sharedNow } from '../clock.ts';
import { AWAIT, BUDGET, YIELD, machine } from './machine.ts';
import { SUSPENDED } from '../suspended.ts';

const NativePromise = Promise;

export const isObject = (value: unknown): value is object => (typeof value === 'object' && value !== null) || typeof value === 'function';

/** The value itself, or SUSPENDED when it must be waited for. `then` is looked up once, as for an async function's result. */
export function settled(value: unknown): unknown {
  if (isObject(value)) {
    if (value instanceof NativePromise) return suspendOn(value);
    const { then } = value as { then?: unknown };
    if (typeof then === 'function') return suspendOn(adopt(value, then as PromiseLike<unknown>['then']));
  }
  return machine.budget < 0 ? spend(value) : value;
}

/** What an async function does with a thenable that it returns: `then` is called in a microtask of its own. */
function adopt(thenable: object, then: PromiseLike<unknown>['then']): Promise<unknown> {
  return new NativePromise((resolve, reject) => {
    queueMicrotask(() => {
      try { Reflect.apply(then, thenable, [resolve, reject]); } catch (error) { reject(error); }
    });
  });
}

export function suspendOn(value: unknown): typeof SUSPENDED {
  machine.reason = AWAIT;
  machine.value = value;
  return SUSPENDED;
}

/** The budget is gone: others have their turn, unless it went quickly. */
function spend(value: unknown): unknown {
  machine.budget = BUDGET;
  const now = sharedNow();
  if (machine.sliceEnd === 0) machine.sliceEnd = now + machine.quantumMs;
  if (now < machine.sliceEnd) return value;
  machine.reason = YIELD;
  machine.value = value;
  return SUSPENDED;
}

/** Whether a frame may begin in the place of one that ended. If not, it is one that has suspended. */
export const mayGoOn = (): boolean => --machine.budget >= 0 || spend(undefined) !== SUSPENDED;

/** A driver has begun to run frames: they have the whole budget. */
export function refill(): void {
  machine.budget = BUDGET;
  machine.sliceEnd = 0;
  machine.lookedAt = 0;
  machine.isPrefix = false;
}
