/** POSIX condition variables over our Condition. To wait is a cancellation point: the mutex is locked again before clean-up handlers run. Next: rwlock.ts. */
import { isCapriccioError } from '@capriccio/shared';
import { Condition } from '../sync/condition.ts';
import type { Mutex } from '../sync/mutex.ts';
import { EBUSY, EINVAL, EPERM, ETIMEDOUT } from './errno.ts';
import type { pthread_mutex_t } from './mutex.ts';
import { msUntil, type timespec } from './time.ts';

/** A condition variable; a new one is initialised, as by PTHREAD_COND_INITIALIZER. It goes with the mutex that its waiters use. */
export class pthread_cond_t {
  declare private readonly isNoOther: never;
  /** @internal */ condition: Condition | undefined = undefined;
  /** @internal */ mutex: Mutex | undefined = undefined;
  /** @internal */ waiters = 0;
  /** @internal */ isDestroyed = false;
}

export function pthread_cond_init(cond: pthread_cond_t, attr: null): number {
  if (attr !== null) return EINVAL;
  if (cond.waiters > 0) return EBUSY;
  cond.isDestroyed = false;
  return 0;
}
/** @returns 0, EBUSY when somebody waits */
export function pthread_cond_destroy(cond: pthread_cond_t): number {
  if (cond.isDestroyed) return EINVAL;
  if (cond.waiters > 0) return EBUSY;
  cond.isDestroyed = true;
  return 0;
}

/** @returns 0, EPERM when the caller has not locked the mutex, EINVAL when others wait with another one; EOWNERDEAD, ENOTRECOVERABLE as pthread_mutex_lock */
export async function pthread_cond_wait(cond: pthread_cond_t, mutex: pthread_mutex_t): Promise<number> { return wait(cond, mutex, undefined); }
/** @returns as pthread_cond_wait, ETIMEDOUT */
export async function pthread_cond_timedwait(cond: pthread_cond_t, mutex: pthread_mutex_t, until: Readonly<timespec>): Promise<number> {
  const timeoutMs = msUntil(until);
  return timeoutMs === undefined ? EINVAL : wait(cond, mutex, { timeoutMs });
}

async function wait(cond: pthread_cond_t, mutex: pthread_mutex_t, options: { timeoutMs: number } | undefined): Promise<number> {
  if (cond.isDestroyed || mutex.mutex === undefined) return EINVAL;
  if (!mutex.isMine) return EPERM;
  if (cond.waiters > 0 && cond.mutex !== mutex.mutex) return EINVAL;
  if (cond.mutex !== mutex.mutex || cond.condition === undefined) {
    cond.mutex = mutex.mutex;
    cond.condition = new Condition(mutex.mutex);
  }
  const { depth } = mutex;
  const again = (): number => {
    const error = mutex.entered();
    if (error === 0) mutex.depth = depth;
    return error;
  };
  cond.waiters++;
  try {
    await cond.condition.wait(options);
  } catch (error) {
    const state = mutex.isMine ? again() : 0;
    if (!isCapriccioError(error, 'CAP_ERR_TIMEOUT')) throw error;
    return state === 0 ? ETIMEDOUT : state;
  } finally {
    cond.waiters--;
  }
  return again();
}

/** Ends the wait of who waits longest. */
export function pthread_cond_signal(cond: pthread_cond_t): number {
  if (cond.isDestroyed) return EINVAL;
  cond.condition?.signal();
  return 0;
}
/** Ends the wait of all. */
export function pthread_cond_broadcast(cond: pthread_cond_t): number {
  if (cond.isDestroyed) return EINVAL;
  cond.condition?.broadcast();
  return 0;
}
