/**
 * A rejection that nobody handles ends a worker, as it ends a process. Not one that is the end of a cancelled thread's wait: a request's handler that has
 * started something it does not await (`void audit(request)`) would take every other request of its worker along when its client goes away.
 */
import { CapriccioError } from '@capriccio/shared';

/** What threads are cancelled with, where that is no CAP_ERR_CANCELLED: a deadline, a user's own reason. */
const reasons = new WeakSet<CapriccioError>();

/** This is what the waits of a cancelled thread reject with. */
export function noteCancellation(error: CapriccioError): CapriccioError {
  if (error.code !== 'CAP_ERR_CANCELLED') reasons.add(error);
  return error;
}

/** True of what a wait rejects with because its thread was cancelled, or of an error that has come of that (an AbortError has the signal's reason as its cause). */
function isOfCancellation(error: unknown): boolean {
  return error instanceof Error && (error instanceof CapriccioError && (error.code === 'CAP_ERR_CANCELLED' || reasons.has(error)) || error.cause instanceof CapriccioError && isOfCancellation(error.cause));
}

/** From here on such a rejection ends nothing: Node takes it for handled. No listener, for a listener would take the default from all the others. */
export function bearCancellations(): void {
  const { emit } = process as { emit: (name: string | symbol, ...given: unknown[]) => boolean };
  (process as { emit: typeof emit }).emit = function emitOthers(name, ...given) {
    return name === 'unhandledRejection' && isOfCancellation(given[0]) || emit.call(process, name, ...given);
  };
}
