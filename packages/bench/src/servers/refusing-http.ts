// Contender in servers/refusals: node:http that answers everybody with an empty 503, the least that a refusal can cost.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';

try {
  const { port, keepAliveMs } = serverArguments();
  let requests = 0;
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (_, res) => {
    requests++;
    res.statusCode = 503;
    res.end();
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  obeyDriver(
    () => ({ cpuUs: ownCpuUs(), parts: [{ name: 'thread 1', busyUs: ownCpuUs(), threadsRun: requests }] }),
    () => { server.closeAllConnections(); server.close(); },
  );
  tellDriver({ type: 'ready', port: (server.address() as AddressInfo).port });
} catch (error) {
  reportFailure(error);
}
