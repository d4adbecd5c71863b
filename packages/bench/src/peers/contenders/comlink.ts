import { Worker, type Transferable } from 'node:worker_threads';
import { transfer as transferred, wrap, type Remote } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type * as functions from '../functions.ts';
import type { Contender, FunctionName } from '../contenders.ts';

/** It is no pool: its users deal calls to workers in turn. */
export async function comlink(cores: number): Promise<Contender> {
  const workers = Array.from({ length: cores }, () => new Worker(new URL('../workers/comlink.ts', import.meta.url)));
  const remotes = workers.map((worker) => wrap<typeof functions>(nodeEndpoint(worker as never)));
  let last = 0;
  return {
    name: 'comlink',
    call: (name, value, transfer) => {
      const remote = remotes[last++ % cores] as Remote<typeof functions> as unknown as Record<FunctionName, (value: unknown) => Promise<unknown>>;
      return remote[name](transfer === undefined ? value : transferred(value as object, transfer as Transferable[] as never));
    },
    async [Symbol.asyncDispose]() { await Promise.all(workers.map((worker) => worker.terminate())); },
  };
}
