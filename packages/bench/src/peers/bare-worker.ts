/** Bare postMessage: the least that a worker can do. */
import { parentPort } from 'node:worker_threads';
import * as functions from './functions.ts';

const port = parentPort as NonNullable<typeof parentPort>;
port.on('message', ({ id, name, value }: { id: number; name: keyof typeof functions; value: never }) => {
  port.postMessage({ id, value: functions[name](value) });
});
