import { createPool } from 'capriccio';
import type * as functions from '../functions.ts';
import type { Contender, FunctionName } from '../contenders.ts';

type Remote = Record<FunctionName, ((value: unknown) => Promise<unknown>) & { with(options: object): (value: unknown) => Promise<unknown> }>;

export async function capriccio(cores: number): Promise<Contender> {
  const pool = await createPool(cores);
  const remote = pool.module<typeof functions>(new URL('../functions.ts', import.meta.url)) as unknown as Remote;
  return {
    name: 'capriccio',
    call: (name, value, transfer) => (transfer === undefined ? remote[name](value) : remote[name].with({ transfer })(value)),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}
