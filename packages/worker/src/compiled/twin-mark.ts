/**
 * On a compiled async function: its twin, a generator function with the same parameters. It counts only if the twin's `owner` is the function itself.
 * A global symbol: several copies of this package may be loaded, and a library may carry one without importing any.
 */
export const TWIN: unique symbol = Symbol.for('capriccio.twin') as never;
