import { fileURLToPath } from 'node:url';
import { FixedThreadPool } from 'poolifier';
import type { Contender } from '../contenders.ts';

export async function poolifier(cores: number): Promise<Contender> {
  const pool = new FixedThreadPool<unknown, unknown>(cores, fileURLToPath(new URL('../workers/poolifier.ts', import.meta.url)), { errorHandler: () => { /* its task is told */ } });
  return {
    name: 'poolifier',
    call: (name, value, transfer) => pool.execute(value, name, undefined, transfer as never),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}
