/**
 * `capriccio/piscina`: the class Piscina with piscina 5's options, methods, properties, events and messages, over Capriccio's workers and shared
 * memory. Changing the import is the migration. What differs, and why, is in docs/guide/from-piscina.md. Next: piscina.ts.
 */
import { workerState } from './worker-state.ts';

export type { AbortSignalAny } from './abort.ts';
export type { CloseOptions, EnvSpecifier, LoadBalancer, Options, RunOptions, TransferList } from './options.ts';
export type { Histogram, HistogramSummary } from './histogram.ts';
export type { PiscinaWorker } from './pool-thread.ts';
export type { PiscinaTask, Task, TaskQueue } from './task-queues.ts';
export type { Transferable } from './move.ts';
export { move, transferableSymbol, valueSymbol } from './move.ts';
export { Piscina, Piscina as default, Piscina as 'module.exports' } from './piscina.ts';
export { ArrayTaskQueue, FixedQueue, queueOptionsSymbol } from './task-queues.ts';
export { version } from './version.ts';

/** True in a thread of such a pool. */
export const isWorkerThread: boolean = workerState.isWorkerThread;
/** What the pool's option `workerData` gave, in a thread of it. */
// oxlint-disable-next-line typescript/no-explicit-any -- piscina's own type
export const workerData: any = workerState.workerData;
