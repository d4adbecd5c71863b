/**
 * How full this isolate's heap may become before V8 ends it, bytes. V8's own `heap_size_limit` counts the young generation in at the greatest that it may
 * reach, 96 MiB, but what it ends an isolate for is an old generation without room: of a worker with `maxOldGenerationSizeMb: 64` it says 160 MiB, and the
 * worker dies at 63.
 */
import { getHeapStatistics } from 'node:v8';
import { resourceLimits } from 'node:worker_threads';

const MIB = 2 ** 20;

/** @returns the smaller of what V8 says and what this worker's old generation may have; the main thread has only the first */
export const heapLimit = (): number => Math.min(getHeapStatistics().heap_size_limit, (resourceLimits.maxOldGenerationSizeMb ?? Infinity) * MIB);
