/** A pool as the admin port sees it: figures only. */
import type { PoolThread } from '../hanging.ts';
import type { FunctionHistograms } from './call-book.ts';
import type { Health, PoolStats } from '../pool-stats.ts';

export interface Observed {
  stats(): PoolStats;
  health(): Health;
  graph(): unknown;
  histograms(): ReadonlyMap<string, FunctionHistograms>;
  threads(): Promise<PoolThread[]>;
}
