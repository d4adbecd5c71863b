import { FixedQueue, Piscina } from 'piscina';
import type { Contender } from '../contenders.ts';

export interface PiscinaSetting { readonly atomics: 'sync' | 'async' | 'disabled'; readonly tasks: number }

/** Without a setting: its defaults. */
export function piscina(cores: number, setting?: PiscinaSetting): Contender {
  const options = setting === undefined ? {} : { atomics: setting.atomics, concurrentTasksPerWorker: setting.tasks, recordTiming: false, taskQueue: new FixedQueue() };
  const pool = new Piscina({ filename: new URL('../workers/exports.ts', import.meta.url).href, minThreads: cores, maxThreads: cores, ...options });
  return {
    name: setting === undefined ? 'piscina default' : `piscina ${setting.atomics} ${setting.tasks}`,
    call: (name, value, transfer) => pool.run(value, transfer === undefined ? { name } : { name, transferList: [...transfer] as never }),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

/** Every setting of piscina that a careful user might try: the best of them is the peer to beat. */
export const piscinaSettings: readonly PiscinaSetting[] = (['sync', 'async', 'disabled'] as const).flatMap((atomics) => [1, 100, 1000].map((tasks) => ({ atomics, tasks })));
