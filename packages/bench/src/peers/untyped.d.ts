/** What TypeScript does not find of two peers. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { Endpoint } from 'comlink';
  export default function nodeEndpoint(port: unknown): Endpoint;
}
declare module 'nanothreads' {
  import type { MessagePort } from 'node:worker_threads';
  export class ThreadPool<Arguments extends unknown[], Output> {
    constructor(options: { task: string; count: number; type: 'module' });
    exec(...args: Arguments): Promise<Output>;
    terminate(): Promise<void>;
  }
  export function workerInit(port: MessagePort, run: (...args: never[]) => Promise<unknown>): void;
}
