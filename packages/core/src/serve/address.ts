/** Where a server listens: its URL, how main listens there, and what the system said when it could not. */
import type { AddressInfo, Server } from 'node:net';
import { CapriccioError } from '@capriccio/shared';

/** As many connections as a burst may bring while a worker is busy: with Node's 511, a blocked thread overflows it and clients wait for SYN retries. */
export const BACKLOG = 4096;

/** @param host  where it listens; every address of the machine is called localhost */
export function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

/** @returns the port. Rejects with CAP_ERR_OPTION when it is taken or may not be used. */
export async function listenOn(server: Server, port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, host, backlog: BACKLOG }, resolve);
  await promise.catch((error: unknown) => { throw listenError(error, host, port); });
  server.off('error', reject);
  server.on('error', (error) => process.emitWarning(error));            // accept failed (descriptors): the next may not
  return (server.address() as AddressInfo).port;
}

/** What the system said, with what it was about. */
export function listenError(error: unknown, host: string, port: number): CapriccioError {
  const { code, message } = error as { code?: string; message?: string };
  const what = code === 'EADDRINUSE' ? `port ${port} of ${host} is in use; choose another, or 0 for a free one`
    : code === 'EACCES' ? `port ${port} of ${host} may not be used by this process; ports below 1024 need a right`
      : `cannot listen on ${host}:${port}: ${message ?? String(error)}`;
  return new CapriccioError('CAP_ERR_OPTION', what, { cause: error });
}

/** Why a server could not be opened: what its app threw, unless it was about the app's file or the port. */
export function openError(error: unknown, appUrl: string, { host, port }: { readonly host: string; readonly port: number }): unknown {
  const { code, syscall } = error as { code?: string; syscall?: string };
  if (syscall === 'listen' || code === 'EADDRINUSE' || code === 'EACCES') return listenError(error, host, port);
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ENOENT') return new CapriccioError('CAP_ERR_MODULE', `cannot load the app ${appUrl}: ${(error as Error).message}`, { cause: error });
  return error;
}
