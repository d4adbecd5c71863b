/** What a pool tells of itself: `stats()` and `health()`. */
import { board, type Memory } from '@capriccio/shared';
import type { ActivationStats } from './crew.ts';
import type { LaneStats } from './lanes/back-lanes.ts';

export interface WorkerStats {
  readonly id: number;
  /** Back lanes are counted apart from `cores`. */
  readonly lane: 'front' | 'back';
  readonly isReady: boolean;
  /** Processor time of the worker's thread, ms, since it started. */
  readonly busyMs: number;
  /** Tasks and threads begun there. */
  readonly threadsRun: number;
  readonly finished: number;
  readonly failed: number;
  /** Started and not ended; in run queues; not begun and private; open connections. */
  readonly threads: number;
  readonly runnable: number;
  readonly queued: number;
  readonly connections: number;
  readonly sleeps: number;
  readonly sleptMs: number;
}

export interface PoolStats {
  readonly cores: number;
  readonly workers: readonly WorkerStats[];
  /** Calls from this thread. */
  readonly calls: { readonly made: number; readonly ended: number; readonly outstanding: number; readonly waiting: number };
  readonly lanes: LaneStats;
  /** Work refused at arrival since the start, for it could not have begun in time; of which roots (routes and functions), and what the last of each was told. */
  readonly refused: { readonly requests: number; readonly calls: number; readonly byRoot: Readonly<Record<string, number>>; readonly retryAfterMs: Readonly<Record<string, number>> };
  /** Requests since the start that were taken, and then not served before their deadlines: answered 503, or cut where an answer had begun; of which routes. */
  readonly expired: { readonly requests: number; readonly byRoute: Readonly<Record<string, number>> };
  /** Workers that died since the start. */
  readonly lost: number;
  /** Workers that blocked in the kernel, and those that stand in for them. */
  readonly activations: ActivationStats;
  readonly memory: { readonly arenaBytes: number; readonly slotsFree: number; readonly payloadBytes: number };
}

export interface Health {
  readonly status: 'ok' | 'degraded' | 'closing' | 'closed';
  readonly cores: number;
  readonly ready: number;
  /** Workers that have been in one turn of their scheduler for over a second. */
  readonly stalled: readonly number[];
  /** For two seconds running more was refused than begun. */
  readonly overloaded: boolean;
}

/** What a worker shows of itself in shared memory. */
export function statsOf(memory: Memory, { id, lane, isReady }: Pick<WorkerStats, 'id' | 'lane' | 'isReady'>): WorkerStats {
  const { cpuMs, begun, finished, failed, sleeps, sleptMs } = board.readStatistics(memory, id);
  return { id, lane, isReady, busyMs: cpuMs, threadsRun: begun, finished, failed, sleeps, sleptMs, ...board.readLoad(memory, id) };
}
