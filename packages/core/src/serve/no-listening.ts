/**
 * An app that a pool serves must not listen itself: every worker loads it, and the second one finds the port taken, dies, is replaced, and so on. Here it
 * is told so, by what `listen` throws. A free port (0), one that is shared (`reusePort`), a handle, and what a thread does are nobody else's business.
 */
import { Server } from 'node:net';
import { CapriccioError } from '@capriccio/shared';
import { currentThread } from '@capriccio/worker';

let isDone = false;

/** From here on, in this worker. */
export function refuseToListen(): void {
  if (isDone) return;
  isDone = true;
  const { listen } = Server.prototype;
  Server.prototype.listen = function guarded(this: Server, ...given: unknown[]): Server {
    const place = placeOf(given[0]);
    if (place !== undefined && currentThread() === undefined) throw new CapriccioError('CAP_ERR_MODULE', `the app listens itself, on ${place}: every worker loads it, and the pool listens for all of them. Leave that out, or do it only if (import.meta.main)`);
    return Reflect.apply(listen, this, given) as Server;
  } as typeof listen;
}

/** Where only one can listen; undefined: anywhere else. As `listen` takes its first argument. */
function placeOf(given: unknown): string | undefined {
  const { port, path, reusePort = false } = typeof given === 'object' && given !== null ? given as { port?: unknown; path?: unknown; reusePort?: boolean }
    : typeof given === 'string' && !(Number(given) >= 0) ? { path: given } : { port: given };
  if (typeof path === 'string') return path;
  return reusePort || !(Number(port) > 0) ? undefined : `port ${String(port)}`;
}
