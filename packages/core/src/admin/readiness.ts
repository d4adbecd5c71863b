/** Whether a load balancer should send requests here. */
import type { Health } from '../pool-stats.ts';

export interface Readiness { readonly isReady: boolean; readonly reason: string }

/** Not ready: while it drains or is closed, without a worker, and when none of its workers reacts or the pool says that it is overloaded. */
export function readinessOf(health: Health, isDraining: boolean): Readiness {
  const no = (reason: string): Readiness => ({ isReady: false, reason });
  if (isDraining || health.status === 'closing') return no('draining');
  if (health.status === 'closed') return no('closed');
  if (health.ready === 0) return no('no worker is ready');
  if (health.overloaded) return no('overloaded');
  if (health.stalled.length >= health.ready) return no('overloaded: every worker has been in one turn for over a second');
  return { isReady: true, reason: health.status };
}
