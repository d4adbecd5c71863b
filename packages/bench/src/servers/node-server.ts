// A fetch-style application under node:http by srvx, the adapter that every contender uses, so that none is ahead by it.
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from 'srvx/node';
import { loadApp } from './protocol.ts';

/** Node's 511 overflows while a thread is blocked, and what is dropped comes back a second later: the kernel's delay, not the server's. */
const backlog = 4096;

export interface NodeServer {
  port: number;
  /** Requests taken so far. */
  readonly requests: number;
  close(): Promise<void>;
}

/** @param reusePort  others listen on the port too, and the kernel deals the connections out */
export async function startNodeServer({ app, port, keepAliveMs, reusePort = false }: { app: URL; port: number; keepAliveMs: number; reusePort?: boolean }): Promise<NodeServer> {
  const { fetch } = await loadApp(app);
  // Its types ask for a request that is of HTTP/1 and HTTP/2 at once, which none is.
  const handler = toNodeHandler(fetch) as RequestListener;
  let requests = 0;
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    requests++;
    handler(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', backlog, reusePort }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => { resolve(); }));
      server.closeAllConnections();
      await closed;
    },
  };
}
