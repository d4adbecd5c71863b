/**
 * Ours and the peers behind one interface, one file each: call a function of functions.ts by name on some worker. Peers with a choice of settings appear
 * with their defaults and as a careful user would set them.
 */
import type { Transferable } from 'node:worker_threads';
import type * as functions from './functions.ts';

export type FunctionName = keyof typeof functions;
export interface Contender extends AsyncDisposable {
  readonly name: string;
  call(name: FunctionName, value: unknown, transfer?: readonly Transferable[]): Promise<unknown>;
}
export type Open = (cores: number) => Promise<Contender>;

/** By the name under which they appear. */
export const openers: Readonly<Record<string, () => Promise<Open>>> = {
  'capriccio': async () => (await import('./contenders/capriccio.ts')).capriccio,
  'piscina': async () => { const { piscina } = await import('./contenders/piscina.ts'); return async (cores) => piscina(cores); },
  'piscina, 100 a worker': async () => { const { piscina } = await import('./contenders/piscina.ts'); return async (cores) => piscina(cores, { atomics: 'sync', tasks: 100 }); },
  'tinypool': async () => { const { tinypool } = await import('./contenders/tinypool.ts'); return async (cores) => tinypool(cores, 1); },
  'tinypool, 100 a worker': async () => { const { tinypool } = await import('./contenders/tinypool.ts'); return async (cores) => tinypool(cores, 100); },
  'workerpool': async () => (await import('./contenders/workerpool.ts')).openWorkerpool,
  'poolifier': async () => (await import('./contenders/poolifier.ts')).poolifier,
  'multithreading': async () => (await import('./contenders/multithreading.ts')).multithreading,
  'nanothreads': async () => (await import('./contenders/nanothreads.ts')).nanothreads,
  'comlink, in turn': async () => (await import('./contenders/comlink.ts')).comlink,
  'bare postMessage': async () => (await import('./contenders/bare.ts')).bare,
  'the same thread': async () => (await import('./contenders/same-thread.ts')).sameThread,
};
export const openContender = async (name: string, cores: number): Promise<Contender> => await (await (openers[name] as () => Promise<Open>)())(cores);

export { capriccio } from './contenders/capriccio.ts';
export { bare } from './contenders/bare.ts';
export { piscina, piscinaSettings } from './contenders/piscina.ts';
