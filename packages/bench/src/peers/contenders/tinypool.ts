import { Tinypool } from 'tinypool';
import type { Contender } from '../contenders.ts';

/** @param tasks  outstanding at a time in each worker; its default is 1 */
export function tinypool(cores: number, tasks: number): Contender {
  const pool = new Tinypool({ filename: new URL('../workers/exports.ts', import.meta.url).href, minThreads: cores, maxThreads: cores, concurrentTasksPerWorker: tasks });
  return {
    name: `tinypool ${tasks}`,
    call: (name, value, transfer) => pool.run(value, transfer === undefined ? { name } : { name, transferList: [...transfer] as never }),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}
