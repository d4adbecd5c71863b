/** Calls that have been cancelled and do not end: when their worker does not even look, it is replaced; when only their thread cannot end, the call does. */
import { board, parker, type Memory } from '@capriccio/shared';
import type { Call } from '@capriccio/worker';
import type { LiveWorker, WorkerSet } from './worker-set.ts';

export interface StuckHost {
  readonly memory: Memory;
  readonly workers: WorkerSet;
  readonly graceMs: number;
  /** Ends a call without its thread. */
  abandon(call: Call): void;
}

export class Stuck {
  readonly #host: StuckHost;
  readonly #watched = new Set<LiveWorker>();

  constructor(host: StuckHost) { this.#host = host; }

  watchCall(call: Call, claimer: number): void {
    this.watchWorker(claimer);
    setTimeout(() => { if (call.state !== 'ended') this.#host.abandon(call); }, this.#host.graceMs * 2).unref();
  }

  /** One watch a worker: it has been asked to look, and does so at the start of each turn. One that is still in the same turn at the end of the grace does not react. */
  watchWorker(id: number): void {
    const { memory, workers, graceMs } = this.#host;
    const worker = workers.get(id);
    if (worker === undefined || this.#watched.has(worker) || !parker.mustLook(memory, id)) return;
    const tick = board.readTick(memory, id);
    this.#watched.add(worker);
    setTimeout(() => {
      this.#watched.delete(worker);
      if (workers.get(id) !== worker || !parker.mustLook(memory, id)) return;
      if (board.readTick(memory, id) !== tick) this.watchWorker(id);   // it has looked, and has been asked again since
      else workers.replace(worker, `it did not react to a cancellation within ${graceMs} ms`);
    }, graceMs).unref();
  }
}
