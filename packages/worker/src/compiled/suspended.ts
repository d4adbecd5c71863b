/**
 * The three names by which compiled code and whoever serves it know each other. They are global symbols, for several copies of this package may
 * be loaded, and libraries may carry them without importing any.
 */

/** On a compiled async function: its twin, a generator function with the same parameters. It counts only if the twin's `owner` is the function itself. */
export const TWIN: unique symbol = Symbol.for('capriccio.twin') as never;

/**
 * On a function of a library: its direct form, called as `direct.call(thisArg, ...args)` by threads that run as frames. It returns the value at
 * once, or SUSPENDED when it has arranged that `LocalThread.wake(value, byThrow)` of the current thread will be called.
 */
export const DIRECT: unique symbol = Symbol.for('capriccio.direct') as never;

/** What a call of compiled code returns in place of a value, and what frames yield: the thread waits. */
export const SUSPENDED: unique symbol = Symbol.for('capriccio.suspended') as never;
