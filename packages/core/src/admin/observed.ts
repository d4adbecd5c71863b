/** A pool as the admin port sees it: figures only. */
import type { PoolThread } from '../hanging.ts';
import type { Health, PoolStats } from '../pool-stats.ts';

export interface Observed {
  stats(): PoolStats;
  health(): Health;
  graph(): unknown;
  threads(): Promise<PoolThread[]>;
}
