import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Production code is loaded by Node itself (type stripping, `capriccio-source`), never by the test runner's transformer:
// what the tests run is what users run, in workers too.
// Node keeps what it compiled and stripped of types between the hundreds of processes that the tests start, as workers do by themselves (docs/decisions/0010-compile-cache.md).
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('./node_modules/.cache/compiled/', import.meta.url));
process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --import=${new URL('./test/near-imports.mjs', import.meta.url).href}`.trim();
const execArgv = ['--conditions=capriccio-source', '--expose-gc', '--disable-warning=ExperimentalWarning'];
const shared = {
  pool: 'forks' as const,
  execArgv,
  server: { deps: { external: [/\/packages\//, /capriccio-mutant/, /\/test\/fixtures\//, /\/examples\//] } },
};
// Beside `test`, not in it: there it would be ignored, and the tests would run a build that is as old as it happens to be.
const conditions = ['capriccio-source', 'module', 'node', 'development|production'];
const source = { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } };

// Its default is one less than there are cores. Most of the tests wait, or explore on one core.
const maxWorkers = Math.max(2, availableParallelism() - 1);

export default defineConfig({
  ...source,
  test: {
    ...shared,
    projects: [
      // Many of these have real timers, sockets and workers on whatever machine they run on. What passes only at its second try is told of by scripts/check.ts, with its error.
      { ...source, test: { ...shared, name: 'fast', maxWorkers, include: ['test/unit/**/*.test.ts', 'test/types/**/*.test.ts', 'test/docs/**/*.test.ts', 'test/tidy.test.ts'], testTimeout: 30_000, retry: 1 } },
      // The same threads, frames and scopes where Node has no context frames that could be entered directly.
      { ...source, test: { ...shared, execArgv: [...execArgv, '--no-async-context-frame'], name: 'no-context-frames', maxWorkers, include: ['context', 'thread', 'frame', 'scope'].map((name) => `test/unit/worker/${name}.test.ts`), retry: 1 } },
      { ...source, test: { ...shared, name: 'model', maxWorkers, include: ['test/model/**/*.test.ts'], testTimeout: 120_000 } },
      { ...source, test: { ...shared, name: 'simulation', maxWorkers, include: ['test/simulation/**/*.test.ts'], testTimeout: 60_000 } },
      { ...source, test: { ...shared, name: 'stress', include: ['test/stress/**/*.test.ts', 'test/chaos/**/*.test.ts'], testTimeout: 180_000, fileParallelism: false } },
      { ...source, test: { ...shared, name: 'install', include: ['test/install/**/*.test.ts'], testTimeout: 180_000 } },
    ],
  },
});
