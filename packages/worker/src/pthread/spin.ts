/** POSIX spin locks. Threads of one isolate take turns, so to spin would be to spin for ever: a contended one waits like an error-checking mutex. Next: once.ts. */
import { currentThread } from '../context.ts';
import { steadfastly } from '../sync/block.ts';
import { Mutex } from '../sync/mutex.ts';
import { EBUSY, EDEADLK, EINVAL, EPERM } from './errno.ts';

export const PTHREAD_PROCESS_PRIVATE = 0;

export class pthread_spinlock_t {
  declare private readonly isNoOther: never;
  /** @internal */ mutex: Mutex | undefined = undefined;
}
export function pthread_spin_init(lock: pthread_spinlock_t, pshared: number): number {
  if (pshared !== PTHREAD_PROCESS_PRIVATE) return EINVAL;
  lock.mutex = new Mutex();
  return 0;
}
export function pthread_spin_destroy(lock: pthread_spinlock_t): number {
  if (lock.mutex === undefined) return EINVAL;
  if (lock.mutex.isLocked) return EBUSY;
  lock.mutex = undefined;
  return 0;
}
/** @returns 0, EDEADLK when the caller has it */
export async function pthread_spin_lock(lock: pthread_spinlock_t): Promise<number> {
  if (lock.mutex === undefined) return EINVAL;
  if (lock.mutex.isHeldBy(currentThread())) return EDEADLK;
  await lock.mutex.take(steadfastly, undefined, currentThread());
  return 0;
}
/** @returns 0, EBUSY */
export function pthread_spin_trylock(lock: pthread_spinlock_t): number {
  if (lock.mutex === undefined) return EINVAL;
  return lock.mutex.tryLock() === undefined ? EBUSY : 0;
}
/** @returns 0, EPERM when the caller has not got it */
export function pthread_spin_unlock(lock: pthread_spinlock_t): number {
  if (lock.mutex === undefined) return EINVAL;
  if (!lock.mutex.isHeldBy(currentThread())) return EPERM;
  lock.mutex.release();
  return 0;
}
