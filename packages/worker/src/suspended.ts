/**
 * The direct form of a function that may block: what a thread that runs as frames calls in its place. It returns its value at once, throws at once,
 * or returns SUSPENDED after it has seen to it that `thread.wake(value, byThrow)` comes; the frame then yields SUSPENDED and is resumed with the
 * value. So an operation that need not wait costs a call, and no promise is ever made.
 */

/** Returned by a direct form that has queued the thread, and yielded by the frame that called it. */
export const SUSPENDED: unique symbol = Symbol.for('capriccio.suspended') as never;

/** Under which a function carries its direct form, called as `direct.call(thisArg, ...args)` on a thread that runs as frames. */
export const DIRECT: unique symbol = Symbol.for('capriccio.direct') as never;

/** Gives a function its direct form. */
export function setDirect<A extends unknown[], R>(fn: (...args: A) => Promise<R>, form: (this: never, ...args: A) => R | typeof SUSPENDED): void {
  Object.defineProperty(fn, DIRECT, { value: form });
}

/** The direct form of a function of ours, for frames that are written by hand. Throws TypeError for one that has none. */
export function directOf<A extends unknown[], R>(fn: (...args: A) => Promise<R>): (this: unknown, ...args: A) => R | typeof SUSPENDED {
  const form = (fn as { [DIRECT]?: (this: unknown, ...args: A) => R | typeof SUSPENDED })[DIRECT];
  if (form === undefined) throw new TypeError(`${fn.name} has no direct form`);
  return form;
}
