/**
 * libuv has threads that read files, look names up and compute zlib and crypto: four a process, which a cluster of processes has once each, and a process
 * with a worker on every core would have once for all. Next: create-pool.ts.
 */
import { stat } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** What Node has, and libuv's own bound. */
const FEWEST = 4, MOST = 1024;
const A_CORE = 2;

/**
 * Sees to it that there are two for each core. Not where the user has said how many (UV_THREADPOOL_SIZE), or where the process has used them before:
 * their number holds for its life.
 */
export function widenLibuvThreads(cores: number): void {
  const count = Math.min(MOST, cores * A_CORE);
  if (count <= FEWEST || !isMainThread || process.env['UV_THREADPOOL_SIZE'] !== undefined) return;
  process.env['UV_THREADPOOL_SIZE'] = String(count);
  stat('/', () => { /* whatever it says: its first user makes the threads */ });
  delete process.env['UV_THREADPOOL_SIZE'];                                  // processes that this one starts have their own number
}
