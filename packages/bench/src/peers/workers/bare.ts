/** Bare postMessage: the least that a worker can do. */
import { parentPort } from 'node:worker_threads';
import * as functions from '../functions.ts';

const byName: Readonly<Record<keyof typeof functions, (value: never) => unknown>> = { ...functions };

const port = parentPort as NonNullable<typeof parentPort>;
port.on('message', ({ id, name, value }: { id: number; name: keyof typeof functions; value: never }) => {
  const run: (value: never) => unknown = byName[name];
  port.postMessage({ id, value: run(value) });
});
