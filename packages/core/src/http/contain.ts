/**
 * Containment: a listener that throws or rejects costs its own request, not the process. Plain node:http lets a throw end the process and
 * a rejection of an async listener too; a server of many requests must not die of one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentThread } from '@capriccio/worker';

export type Listener = (req: IncomingMessage, res: ServerResponse) => unknown;
export type ErrorReport = (error: unknown, req: IncomingMessage) => void;

/**
 * The listener with its errors contained: the answer becomes a 500 where nothing has been sent, else the connection is cut, so that the client
 * sees that the body is not whole. `report` gets every error, once. What the listener returns is passed on; its promise, if it
 * returns one, fulfils when the listener has settled, and never rejects. Cost without an error: one call and a type test.
 */
export function contain(listener: Listener, report: ErrorReport): Listener {
  return (req, res) => {
    let result: unknown;
    try {
      result = listener(req, res);
    } catch (error) {
      fail(error, req, res, report);
      return undefined;
    }
    if (!isThenable(result)) return result;
    return result.then((value) => value, (error: unknown) => { fail(error, req, res, report); });
  };
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function fail(error: unknown, req: IncomingMessage, res: ServerResponse, report: ErrorReport): void {
  try {
    report(error, req);
  } finally {
    answer500(res);
  }
}

function answer500(res: ServerResponse): void {
  if (res.writableEnded || res.destroyed) return;
  if (res.headersSent) {
    // A pipelined response that does not own the socket yet is cut when its turn comes: the answers before it are sound.
    if (res.socket === null) res.once('socket', () => res.destroy());
    else res.destroy();
    return;
  }
  for (const name of res.getHeaderNames()) res.removeHeader(name);   // what was meant for another answer, cookies among it
  res.writeHead(500, 'Internal Server Error', { 'content-type': 'text/plain; charset=utf-8' });
  res.end('Internal Server Error\n');
}

/**
 * Where errors go when nobody asked for them: a process warning, with the request and the stack. Not the cancellation of the request itself, by its
 * client or its deadline: nobody waits for that answer any more, and it is counted (stats().expired) where it is news.
 */
export function warn(error: unknown, req: IncomingMessage): void {
  const thread = currentThread();
  if (thread?.cancelRequested === true && error instanceof Error && (error === thread.cancellation() || error.cause === thread.cancellation())) return;
  const detail = error instanceof Error ? error.stack ?? error.message : String(error);
  process.emitWarning(`${req.method} ${req.url} failed: ${error instanceof Error ? error.message : String(error)}`, { type: 'CapriccioRequestError', detail });
}
