/**
 * Tells when a callback of the event loop begins, and whose it is: a timer, what came to a socket, an answer of the thread pool. Its ticks and microtasks
 * belong to it. It is a thread's if it was asked for by that, which is still there: what comes over a connection that outlives requests is nobody's.
 * By a hook without promises (0.1 us a callback; entering and leaving 0.3 us), so only while somebody wants to know.
 *
 * Rejected: an immediate that arms itself again, without keeping the loop awake, tells where an iteration of the loop ends and not which of its timers
 * runs; of a burst of requests all timers run in one.
 */
import { AsyncResource, createHook, executionAsyncResource } from 'node:async_hooks';
import { currentThread } from '../context.ts';
import type { Root } from '../run-queues.ts';

export interface CallbackStarts { enable(): unknown; disable(): unknown }
/** A thread, as far as it is told here: its root, and what it has computed, whole microseconds. */
export interface Owner { readonly root: Root; attainedUs: number }

/** @param tell  called before each, on its stack: with its thread, if it has one */
export const callbackStarts = (tell: (owner: Owner | undefined) => void): CallbackStarts =>
  createHook({ before() { if (isCallback(executionAsyncResource())) tell(ownerNow()); }, trackPromises: false });

function ownerNow(): Owner | undefined {
  const thread = currentThread();
  return thread?.hasEnded === false ? thread : undefined;
}

/** A tick, or what somebody runs in the scope of a resource of his own, is part of the callback in which it was asked for. */
const isCallback = (resource: object): boolean => !(resource instanceof AsyncResource) && !('args' in resource);
