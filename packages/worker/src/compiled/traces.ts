/**
 * Which callers an error has passed: frames that wait on the heap are on no native stack, so each error that rises notes where they stand.
 * Read by stack-traces.ts when the error's stack is asked for.
 */
import type { Caller } from './frames.ts';

const callersOf = new WeakMap<object, Caller>();

/** Notes the callers above which an error was thrown, the first time that it is seen. */
export function noteCallers(error: unknown, callers: Caller | undefined): void {
  if (callers === undefined || typeof error !== 'object' || error === null || callersOf.has(error)) return;
  callersOf.set(error, callers);
}

export const callersNotedFor = (error: object): Caller | undefined => callersOf.get(error);
