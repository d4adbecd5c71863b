import type { ServerResponse } from 'node:http';

/**
 * Calls `fn` when the handler has ended a response whose client has gone. Node never tells of such an end ('finish', and the callback of `end`, do not come),
 * so who returns a promise of it, as adapters of fetch handlers do, returns one that nobody settles.
 */
export function whenEnded(res: ServerResponse, fn: () => void): void {
  if (res.writableEnded) { fn(); return; }
  const { end } = res;
  res.end = (...args: unknown[]) => {
    Reflect.apply(end, res, args);
    fn();
    return res;
  };
}
