/** Ours and the peers behind one interface: call a function of functions.ts by name on some worker. */
import { Worker, type Transferable } from 'node:worker_threads';
import { createPool } from 'capriccio';
import { FixedQueue, Piscina } from 'piscina';
import type * as functions from './functions.ts';

export type FunctionName = keyof typeof functions;
export interface Contender extends AsyncDisposable {
  readonly name: string;
  call(name: FunctionName, value: unknown, transfer?: readonly Transferable[]): Promise<unknown>;
}

export async function capriccio(cores: number): Promise<Contender> {
  const pool = await createPool(cores);
  const remote = pool.module<typeof functions>(new URL('functions.ts', import.meta.url)) as unknown as Record<FunctionName, ((value: unknown) => Promise<unknown>) & { with(options: object): (value: unknown) => Promise<unknown> }>;
  return {
    name: 'capriccio',
    call: (name, value, transfer) => (transfer === undefined ? remote[name](value) : remote[name].with({ transfer })(value)),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

export interface PiscinaSetting { readonly atomics: 'sync' | 'async' | 'disabled'; readonly tasks: number }

export function piscina(cores: number, setting?: PiscinaSetting): Contender {
  const options = setting === undefined ? {} : { atomics: setting.atomics, concurrentTasksPerWorker: setting.tasks, recordTiming: false, taskQueue: new FixedQueue() };
  const pool = new Piscina({ filename: new URL('piscina-worker.ts', import.meta.url).href, minThreads: cores, maxThreads: cores, ...options });
  return {
    name: setting === undefined ? 'piscina default' : `piscina ${setting.atomics} ${setting.tasks}`,
    call: (name, value, transfer) => pool.run(value, transfer === undefined ? { name } : { name, transferList: [...transfer] as never }),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

/** Worker threads with nothing around them, calls dealt out in turn. */
export async function bare(cores: number): Promise<Contender> {
  const pending = new Map<number, (value: unknown) => void>();
  const workers = Array.from({ length: cores }, () => {
    const worker = new Worker(new URL('bare-worker.ts', import.meta.url));
    worker.on('message', ({ id, value }: { id: number; value: unknown }) => { const settle = pending.get(id); pending.delete(id); settle?.(value); });
    return worker;
  });
  await Promise.all(workers.map((worker) => new Promise((resolve) => { worker.once('online', resolve); })));
  let last = 0;
  return {
    name: 'bare postMessage',
    call: (name, value, transfer = []) => new Promise((resolve) => {
      const id = last++;
      pending.set(id, resolve);
      (workers[id % cores] as Worker).postMessage({ id, name, value }, transfer as Transferable[]);
    }),
    async [Symbol.asyncDispose]() { await Promise.all(workers.map((worker) => worker.terminate())); },
  };
}

/** Every setting of piscina that a careful user might try: the best of them is the peer to beat. */
export const piscinaSettings: readonly PiscinaSetting[] = (['sync', 'async', 'disabled'] as const).flatMap((atomics) => [1, 100, 1000].map((tasks) => ({ atomics, tasks })));
