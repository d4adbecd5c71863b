/**
 * A host answers some requests of its own before it takes anybody else's: the first ones of a fresh isolate take milliseconds, for nothing has been
 * compiled, and when many clients come to a server that has just begun to listen, each that waits opens another connection, which costs as much again.
 * They go the whole way, by real sockets and a scheduler of their own, to a listener of ours: the application, its routes and all counts stay untouched.
 */
import { channel } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import { Scheduler } from '@capriccio/worker';
import { WriteCoalescer } from '../http/coalesce.ts';
import { loadApp } from '../http/app-shape.ts';
import { listenOn } from './address.ts';
import { Host } from './host.ts';
import type { HostOptions } from './serve-options.ts';

/** Connections, and requests on each: some 60 ms of processor time. A third of them leaves half of the effect, three times as many add little. */
const CONNECTIONS = 4;
const REQUESTS = 30;
/** It ends after so long whatever is missing, ms: a machine that is this slow has no time to give away. */
const WARM_MS = 250;
/** Of nobody's server: no limit of the user's may cut it short. */
const OPTIONS: HostOptions = { host: '127.0.0.1', port: 0, accept: 'placed', deadlineMs: 1000, routes: {}, headersMs: 60_000, bodyMs: 60_000, bodyBytes: 1024, keepAliveMs: 5000, observe: false, tellsEnds: false };

let isDone = false;

/** Once an isolate. Resolves when it is done, or cannot be done here; never rejects. */
export async function warmUp(): Promise<void> {
  if (isDone || isWatched()) return;
  isDone = true;
  const runtime = { scheduler: new Scheduler({ timersRef: false }), laneClock: undefined, hold: () => nothing };
  const app = await loadApp(answer);
  const host = new Host(runtime, app, undefined, OPTIONS, new WriteCoalescer(), nothing, undefined, nothing, { shed: nothing, expired: nothing });
  const listener = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => host.take(socket));
  try {
    await host.open();
    const port = await listenOn(listener, OPTIONS.port, OPTIONS.host);
    const late = AbortSignal.timeout(WARM_MS);
    await Promise.allSettled(Array.from({ length: CONNECTIONS }, () => ask(port, late)));
  } catch { /* where nobody may listen on 127.0.0.1 the first requests are slower */ } finally {
    listener.close();
    await host.close(0);
  }
}

/** Somebody looks at every request of this thread (tracing): he would see these. */
function isWatched(): boolean {
  return HttpServer.prototype.emit !== EventEmitter.prototype.emit || ['http.server.request.start', 'http.server.response.finish', 'net.server.socket'].some((name) => channel(name).hasSubscribers);
}

/** Rejects when it is late, or the connection ends. */
async function ask(port: number, late: AbortSignal): Promise<void> {
  const socket = connect({ port, host: OPTIONS.host, noDelay: true });
  const gone = new AbortController();
  socket.once('close', () => { gone.abort(); }).on('error', nothing);
  const signal = AbortSignal.any([late, gone.signal]);
  try {
    await once(socket, 'connect', { signal });
    for (let k = 0; k < REQUESTS; k++) {
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n\r\n');
      await once(socket, 'data', { signal });
    }
  } finally { socket.destroy(); }
}

let count = 0;
/** One in two answers at once. */
function answer(_: IncomingMessage, res: ServerResponse): unknown {
  const end = (): void => {
    res.setHeader('content-type', 'application/json; charset=utf-8');
    res.end('{"ok":true}');
  };
  return count++ % 2 === 0 ? end() : Promise.resolve().then(end);
}

const nothing = (): void => { /* nobody asks */ };
