/** What such a pool puts into each of its workers before it takes tasks. Next: handler.ts, which is loaded for each handler that is called. */
import { readlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { getPriority, setPriority } from 'node:os';
import workerThreads from 'node:worker_threads';
import type { Runtime } from '@capriccio/worker';
import { setCourier } from './courier.ts';
import { workerState } from './worker-state.ts';

export interface ThreadStart {
  readonly workerData: unknown;
  /** The worker sleeps in its event loop only. */
  readonly staysInLoop: boolean;
  readonly niceIncrement: number;
}

export function install(runtime: Runtime, data: unknown): void {
  const { workerData, staysInLoop, niceIncrement } = data as ThreadStart;
  workerState.isWorkerThread = true;
  workerState.workerData = workerData;
  (workerThreads as { workerData: unknown }).workerData = workerData;   // what handlers find there is the pool's option, as in piscina
  syncBuiltinESMExports();
  if (staysInLoop) runtime.hold();
  if (niceIncrement > 0) lowerPriority(niceIncrement);
  setCourier((body, transfer) => runtime.mail.post(0, { kind: 'service', service: 'piscina', body }, transfer));
}

/** Of this thread alone: Linux keeps a priority for each. Elsewhere it is left as it is. */
function lowerPriority(increment: number): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(19, getPriority(thread) + increment));
  } catch { /* no /proc, or no right: a wish */ }
}
