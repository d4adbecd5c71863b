import { defineConfig } from 'vitest/config';

// Production code is loaded by Node itself (type stripping, `capriccio-source`), never by the test runner's transformer:
// what the tests run is what users run, in workers too.
const execArgv = ['--conditions=capriccio-source', '--expose-gc', '--disable-warning=ExperimentalWarning'];
const shared = {
  pool: 'forks' as const,
  execArgv,
  server: { deps: { external: [/\/packages\//, /capriccio-mutant/, /\/test\/fixtures\//, /\/examples\//] } },
  resolve: { conditions: ['capriccio-source'] },
};

export default defineConfig({
  test: {
    ...shared,
    projects: [
      { test: { ...shared, name: 'fast', include: ['test/unit/**/*.test.ts', 'test/types/**/*.test.ts', 'test/docs/**/*.test.ts', 'test/tidy.test.ts'], testTimeout: 30_000 } },
      { test: { ...shared, name: 'model', include: ['test/model/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { ...shared, name: 'stress', include: ['test/stress/**/*.test.ts', 'test/chaos/**/*.test.ts'], testTimeout: 180_000, fileParallelism: false } },
      { test: { ...shared, name: 'install', include: ['test/install/**/*.test.ts'], testTimeout: 180_000 } },
    ],
  },
});
