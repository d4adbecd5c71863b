/**
 * createPool: the way in. It reads like what a pool is: checked options, an arena, workers that are ready.
 * Next: pool.ts for the composition, options.ts for what may be given.
 */
import { widenLibuvThreads } from './libuv-threads.ts';
import { checkPoolOptions, type PoolOptions } from './options.ts';
import { Pool } from './pool.ts';

/**
 * Starts a pool and resolves when every worker is ready.
 * @param options  the number of cores, or options; default: one worker for each core that this process may use
 * Rejects with CAP_ERR_OPTION for an option that is wrong or unknown, CAP_ERR_WORKER_LOST when a worker dies before it is ready,
 * CAP_ERR_TIMEOUT when one does not start.
 */
export async function createPool(options?: number | PoolOptions): Promise<Pool> {
  const checked = checkPoolOptions(options);
  widenLibuvThreads(checked.cores);
  const pool = new Pool(checked);
  await pool.start();
  return pool;
}
