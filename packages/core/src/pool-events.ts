/** What a pool tells its listeners. docs/reference/observability.md has them as a table. */
import type { DeadlockReport } from '@capriccio/worker';
import type { ActivationEvent } from './crew.ts';
import type { Expired } from './expired-book.ts';
import type { Overload } from './shed-book.ts';

export interface PoolEvents {
  /** A worker has taken its place: at the start, or instead of one that died. */
  worker: [{ id: number; replaced: boolean; lane: 'front' | 'back' }];
  /** A worker has died; of `error`, if it was one that nobody caught. */
  lost: [{ id: number; code: number; reason: string; error?: unknown }];
  /** Something a person should know, once. */
  warning: [Error];
  /** A worker has blocked in the kernel and its core has been given to a spare, or it is back. */
  activation: [ActivationEvent];
  /** Work was refused at arrival, for it would have come too late. At most one a root in a tenth of a second. */
  overload: [Overload];
  /** Requests that were taken, and whose deadlines have passed. At most one a route in a tenth of a second. */
  expired: [Expired];
  /** Threads of a worker wait for each other in a circle. */
  deadlock: [DeadlockReport & { worker: number }];
}
