import { ThreadWorker } from 'poolifier';
import * as functions from '../functions.ts';

const worker: unknown = new ThreadWorker({ ...functions } as unknown as ConstructorParameters<typeof ThreadWorker>[0]);
export default worker;
