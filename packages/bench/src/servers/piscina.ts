// Contender: node:http on one thread, the heavy part in piscina's. It serves apps/mixed-by-hand.ts, whatever it is told: moving work by hand is another program.
import { startNodeServer } from './node-server.ts';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';

try {
  const { port, keepAliveMs } = serverArguments();
  const server = await startNodeServer({ app: new URL('apps/mixed-by-hand.ts', import.meta.url), port, keepAliveMs });
  obeyDriver(
    () => ({ cpuUs: ownCpuUs(), parts: [{ name: 'all threads', busyUs: ownCpuUs(), threadsRun: server.requests }] }),
    () => server.close(),
  );
  tellDriver({ type: 'ready', port: server.port });
} catch (error) {
  reportFailure(error);
}
