// Contender: a pool of ours. The application's module is the one the peers serve, unchanged.
import { createPool } from 'capriccio';
import type { Pool } from 'capriccio';
import { obeyHarm } from './conductor-harm.ts';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';
import type { ServerUsage } from './protocol.ts';

/** The only place that reads the pool's statistics. */
function usageOf(pool: Pool): ServerUsage {
  const parts = pool.stats().workers.map(({ id, lane, busyMs, threadsRun }) => ({ name: lane === 'back' ? `back lane ${id}` : `core ${id}`, busyUs: busyMs * 1000, threadsRun }));
  return { cpuUs: ownCpuUs(), parts, lost: pool.stats().lost, roots: pool.graph().roots.map(({ name, usedMs }) => ({ name, usedMs })) };
}

try {
  const { app, port, cores, keepAliveMs } = serverArguments();
  const heapMb = process.env['BENCH_HEAP_MB'];
  const harm = process.env['BENCH_CONDUCTOR'];
  if (harm !== undefined) await obeyHarm(harm);
  /** Names of parts of the policy, as core/src/options.ts has them, and tickets by route. */
  const [without, tickets] = [process.env['BENCH_WITHOUT'], process.env['BENCH_TICKETS']];
  const pool = await createPool({
    cores, windows: process.env['BENCH_WINDOWS'] === 'auto' ? 'auto' : 'off', lanes: process.env['BENCH_LANES'] === 'off' ? 'off' : 'auto',
    ...without === undefined ? {} : { [Symbol.for('capriccio.without')]: without.split(',') },
    ...heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: Number(heapMb) } },
  });
  const server = await pool.serve(app, { port, limits: { keepAliveMs }, ...tickets === undefined ? {} : { routes: JSON.parse(tickets) as Record<string, { tickets: number }> } });
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
