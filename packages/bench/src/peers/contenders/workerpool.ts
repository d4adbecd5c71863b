import { fileURLToPath } from 'node:url';
import workerpool from 'workerpool';
import type { Contender } from '../contenders.ts';

export async function openWorkerpool(cores: number): Promise<Contender> {
  const pool = workerpool.pool(fileURLToPath(new URL('../workers/workerpool.ts', import.meta.url)), { workerType: 'thread', minWorkers: cores, maxWorkers: cores });
  return {
    name: 'workerpool',
    call: async (name, value, transfer) => await pool.exec(name, [value], transfer === undefined ? undefined : { transfer: [...transfer] as object[] }),
    async [Symbol.asyncDispose]() { await pool.terminate(true); },
  };
}
