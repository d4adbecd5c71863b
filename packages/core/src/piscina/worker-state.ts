/** What code in a thread of such a pool may ask of it: `isWorkerThread`, `workerData`. One for the isolate, whichever copy of this package asks. */
interface WorkerState { isWorkerThread: boolean; workerData: unknown }

const KEY = Symbol.for('capriccio.piscina.worker');
const shared = globalThis as { [KEY]?: WorkerState };

export const workerState: WorkerState = shared[KEY] ??= { isWorkerThread: false, workerData: undefined };
