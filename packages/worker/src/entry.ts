/**
 * What a worker thread runs first: it turns on Node's compile cache, which more than halves a worker's start, and then loads the runtime. So the
 * import is a dynamic one. NODE_DISABLE_COMPILE_CACHE=1 leaves the cache off, NODE_COMPILE_CACHE says where it lies.
 * Next: worker-main.ts.
 */
import nodeModule from 'node:module';   // no named import: a Node that has it not must still link this (scripts/bundle.ts)
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  nodeModule.enableCompileCache();
  const { runWorker } = await import('./worker-main.ts');
  await runWorker();
  setImmediate(() => nodeModule.flushCompileCache());                    // a worker that is killed later would not write it
}
