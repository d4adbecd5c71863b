/** A pool as the admin port sees it: figures only. What later parts of the runtime give is asked for by name, and absent until then. */
import type { Health, PoolStats } from '../stats.ts';

export interface Observed {
  stats(): PoolStats;
  health(): Health;
  /** Where threads wait, once the runtime records it. */
  graph?(): unknown;
  /** Threads and their stacks, once workers can be asked. */
  threads?(): Promise<unknown>;
}
