/** What a pool's conductor thread runs first: Node's compile cache, its parts, then its loop for good. Next: conductor.ts. */
import { enableCompileCache } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  enableCompileCache();
  const { runConductor } = await import('./conductor-main.ts');
  await runConductor();
}
