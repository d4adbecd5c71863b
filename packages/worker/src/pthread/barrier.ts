/** POSIX barriers over our Barrier. To wait is no cancellation point. Next: spin.ts. */
import { currentThread } from '../context.ts';
import { Barrier } from '../sync/barrier.ts';
import { steadfastly } from '../sync/block.ts';
import { EBUSY, EINVAL } from './errno.ts';

/** What `pthread_barrier_wait` returns to one of the threads. */
export const PTHREAD_BARRIER_SERIAL_THREAD = -1;

export class pthread_barrier_t {
  declare private readonly isNoOther: never;
  /** @internal */ barrier: Barrier | undefined = undefined;
}
/** @returns 0, EINVAL for a count below 1, EBUSY when somebody waits */
export function pthread_barrier_init(barrier: pthread_barrier_t, attr: null, count: number): number {
  if (attr !== null || !Number.isInteger(count) || count < 1 || count > 2 ** 31 - 1) return EINVAL;
  if (barrier.barrier !== undefined && barrier.barrier.waiting > 0) return EBUSY;
  barrier.barrier = new Barrier(count);
  return 0;
}
export function pthread_barrier_destroy(barrier: pthread_barrier_t): number {
  if (barrier.barrier === undefined) return EINVAL;
  if (barrier.barrier.waiting > 0) return EBUSY;
  barrier.barrier = undefined;
  return 0;
}
/** @returns 0, or PTHREAD_BARRIER_SERIAL_THREAD to the last that arrived; EINVAL when it is not initialised */
export async function pthread_barrier_wait(barrier: pthread_barrier_t): Promise<number> {
  if (barrier.barrier === undefined) return EINVAL;
  return await (barrier.barrier.take(steadfastly, undefined, currentThread()) as Promise<boolean> | boolean) ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}
