// Contender: a pool of ours. The application's module is the one the peers serve, unchanged.
import { createPool } from 'capriccio';
import type { Pool } from 'capriccio';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';
import type { ServerUsage } from './protocol.ts';

/** The only place that reads the pool's statistics. */
function usageOf(pool: Pool): ServerUsage {
  const parts = pool.stats().workers.map(({ id, lane, busyMs, threadsRun }) => ({ name: lane === 'back' ? `back lane ${id}` : `core ${id}`, busyUs: busyMs * 1000, threadsRun }));
  return { cpuUs: ownCpuUs(), parts, lost: pool.stats().lost };
}

try {
  const { app, port, cores, keepAliveMs } = serverArguments();
  const heapMb = process.env['BENCH_HEAP_MB'];
  const pool = await createPool({
    cores, windows: process.env['BENCH_WINDOWS'] === 'auto' ? 'auto' : 'off', lanes: process.env['BENCH_LANES'] === 'off' ? 'off' : 'auto',
    ...heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: Number(heapMb) } },
  });
  const server = await pool.serve(app, { port, limits: { keepAliveMs } });
  obeyDriver(
    () => usageOf(pool),
    async () => {
      await server.close();
      await pool.close();
    },
  );
  tellDriver({ type: 'ready', port: server.port });
} catch (error) {
  reportFailure(error);
}
