// Contender: node:http, one thread. The `cores` argument changes nothing here.
import { startNodeServer } from './node-server.ts';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';

try {
  const server = await startNodeServer(serverArguments());
  obeyDriver(
    () => ({ cpuUs: ownCpuUs(), parts: [{ name: 'thread 1', busyUs: ownCpuUs(), threadsRun: server.requests }] }),
    () => server.close(),
  );
  tellDriver({ type: 'ready', port: server.port });
} catch (error) {
  reportFailure(error);
}
