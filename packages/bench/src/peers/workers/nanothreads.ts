import { parentPort, type MessagePort } from 'node:worker_threads';
import { workerInit } from 'nanothreads';
import * as functions from '../functions.ts';

const byName: Readonly<Record<string, (value: never) => unknown>> = { ...functions };
workerInit(parentPort as MessagePort, (async (name: string, value: never) => await byName[name]?.(value)) as never);
