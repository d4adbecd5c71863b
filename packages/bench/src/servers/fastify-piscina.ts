// Contender: Fastify on one thread, what takes long in piscina's. Moving work by hand is another program: for apps/x.ts it serves apps/by-hand/x.ts.
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { Piscina } from 'piscina';
import type { ByHand } from './apps/by-hand/work.ts';
import { obeyDriver, ownCpuUs, reportFailure, serverArguments, tellDriver } from './protocol.ts';

/** As node-server.ts has it, and why. */
const backlog = 4096;
/** What is beyond it is answered with 503: somebody has to set it, and this suits a service that answers within some hundred milliseconds. */
const QUEUE_MAX = 16;
/** What piscina rejects with then: it has no code. */
const FULL = 'Task queue is at limit';

try {
  const { app: url, port, cores, keepAliveMs } = serverArguments();
  const { default: register } = await import(new URL(`by-hand/${url.pathname.split('/').at(-1)}`, url).href) as { default: ByHand };
  const pool = new Piscina({ filename: new URL('apps/by-hand/work.ts', import.meta.url).href, minThreads: cores, maxThreads: cores, maxQueue: QUEUE_MAX });
  const app = Fastify({ keepAliveTimeout: keepAliveMs, forceCloseConnections: true });
  let requests = 0;
  let isStopping = false;
  app.addHook('onRequest', (_request, _reply, done) => { requests++; done(); });
  app.setErrorHandler((error, _request, reply) => {
    if ((error as Error).message === FULL) return reply.code(503).header('retry-after', '1').type('text/plain').send('busy');
    if (!isStopping) console.error(error);                               // what is under way at the end fails then
    return reply.code(500).type('text/plain').send('failed');
  });
  register(app, (name, value) => pool.run(value, { name }));
  await app.listen({ port, host: '127.0.0.1', backlog });
  obeyDriver(
    () => ({ cpuUs: ownCpuUs(), parts: [{ name: 'all threads', busyUs: ownCpuUs(), threadsRun: requests }] }),
    async () => { isStopping = true; await app.close(); await pool.destroy(); },
  );
  tellDriver({ type: 'ready', port: (app.server.address() as AddressInfo).port });
} catch (error) {
  reportFailure(error);
}
