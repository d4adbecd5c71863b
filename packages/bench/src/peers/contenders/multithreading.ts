import { initRuntime, move, shutdown, spawn } from 'multithreading';
import type { Contender, FunctionName } from '../contenders.ts';

/** It sends the source of a function, which may capture nothing: the same functions as the others run, written here. */
const bodies: Readonly<Partial<Record<FunctionName, (value: never) => unknown>>> = {
  increment: (x: number) => x + 1,
  size: (value: unknown) => (ArrayBuffer.isView(value) ? value.byteLength : Array.isArray(value) ? value.length : 1),
  compute: (rounds: number) => {
    let x = 2_463_534_242;
    for (let k = 0; k < rounds * 1000; k++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }
    return x >>> 0;
  },
  spin: (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    return ms;
  },
  fails: (text: string) => { throw new RangeError(text); },
  exits: (code: number) => process.exit(code),
  throwsOutside: () => new Promise(() => { setTimeout(() => { throw new Error('outside of any task'); }, 10); }),
  uncloneable: () => () => 1,
  loopsForEver: () => { for (;;); },
  exhaustsMemory: () => { for (const all: unknown[] = []; ;) all.push(Array.from({ length: 100_000 }, () => ({}))); },
};

export async function multithreading(cores: number): Promise<Contender> {
  initRuntime({ maxWorkers: cores });
  return {
    name: 'multithreading',
    call: async (name, value) => {
      const result = await spawn(move(value), bodies[name] as (value: unknown) => unknown).join();
      if (!result.ok) throw result.error;
      return result.value;
    },
    async [Symbol.asyncDispose]() { shutdown(); },
  };
}
