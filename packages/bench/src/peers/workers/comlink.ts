import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import * as functions from '../functions.ts';

expose({ ...functions }, nodeEndpoint(parentPort as never));
