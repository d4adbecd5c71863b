import * as functions from '../functions.ts';
import type { Contender } from '../contenders.ts';

/** An async call without any worker: the floor that nobody who returns a promise can go below. */
export async function sameThread(): Promise<Contender> {
  const byName: Readonly<Record<string, (value: never) => unknown>> = { ...functions };
  return { name: 'the same thread', call: async (name, value) => byName[name]?.(value as never), async [Symbol.asyncDispose]() { /* nothing was opened */ } };
}
