import { fileURLToPath } from 'node:url';
import { ThreadPool } from 'nanothreads';
import type { Contender, FunctionName } from '../contenders.ts';

/** It has no list of what is transferred: everything is copied. */
export async function nanothreads(cores: number): Promise<Contender> {
  const pool = new ThreadPool<[FunctionName, unknown], unknown>({ task: fileURLToPath(new URL('../workers/nanothreads.ts', import.meta.url)), count: cores, type: 'module' });
  return {
    name: 'nanothreads',
    call: (name, value) => pool.exec(name, value),
    [Symbol.asyncDispose]: () => pool.terminate(),
  };
}
