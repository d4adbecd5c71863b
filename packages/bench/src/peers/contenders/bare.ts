import { Worker, type Transferable } from 'node:worker_threads';
import type { Contender } from '../contenders.ts';

/** Worker threads with nothing around them, calls dealt out in turn. */
export async function bare(cores: number): Promise<Contender> {
  const pending = new Map<number, (value: unknown) => void>();
  const workers = Array.from({ length: cores }, () => {
    const worker = new Worker(new URL('../workers/bare.ts', import.meta.url));
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
