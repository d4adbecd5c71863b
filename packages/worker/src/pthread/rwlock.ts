/** POSIX read-write locks over our RwLock. Next: barrier.ts. */
import { isCapriccioError } from '@capriccio/shared';
import { RwLock } from '../sync/rw-lock.ts';
import { EBUSY, EDEADLK, EINVAL, EPERM, ETIMEDOUT } from './errno.ts';
import { pthread_self, type pthread_t } from './thread.ts';
import { msUntil, type timespec } from './time.ts';

interface Holds { readonly list: Disposable[]; isWriter: boolean }

export class pthread_rwlock_t {
  declare private readonly isNoOther: never;
  /** @internal */ lock: RwLock | undefined = new RwLock();
  /** @internal who holds it, and how often */ readonly holds: Map<pthread_t, Holds> = new Map();

  /** @internal */
  note(hold: Disposable, isWriter: boolean): number {
    const self = pthread_self();
    const holds = this.holds.get(self);
    if (holds === undefined) this.holds.set(self, { list: [hold], isWriter });
    else holds.list.push(hold);
    return 0;
  }
  /** @internal */
  async take(isWriter: boolean, options: { timeoutMs: number } | undefined): Promise<number> {
    if (this.lock === undefined) return EINVAL;
    const mine = this.holds.get(pthread_self());
    if (mine !== undefined && (isWriter || mine.isWriter)) return EDEADLK;
    try {
      return this.note(await (isWriter ? this.lock.write(options) : this.lock.read(options)), isWriter);
    } catch (error) {
      if (isCapriccioError(error, 'CAP_ERR_TIMEOUT')) return ETIMEDOUT;
      if (isCapriccioError(error, 'CAP_ERR_DEADLOCK')) return EDEADLK;
      throw error;
    }
  }
}

export function pthread_rwlock_init(lock: pthread_rwlock_t, attr: null): number {
  if (attr !== null) return EINVAL;
  if (lock.holds.size > 0) return EBUSY;
  lock.lock = new RwLock();
  return 0;
}
/** @returns 0, EBUSY when somebody holds it */
export function pthread_rwlock_destroy(lock: pthread_rwlock_t): number {
  if (lock.lock === undefined) return EINVAL;
  if (lock.holds.size > 0) return EBUSY;
  lock.lock = undefined;
  return 0;
}
/** @returns 0, EDEADLK when the caller writes, or in a circle of waits, where the pool breaks them. A caller that reads already waits for itself, if a writer waits. */
export async function pthread_rwlock_rdlock(lock: pthread_rwlock_t): Promise<number> { return lock.take(false, undefined); }
/** @returns 0, EDEADLK when the caller reads or writes, or in a circle of waits likewise */
export async function pthread_rwlock_wrlock(lock: pthread_rwlock_t): Promise<number> { return lock.take(true, undefined); }
/** @returns as pthread_rwlock_rdlock, ETIMEDOUT */
export async function pthread_rwlock_timedrdlock(lock: pthread_rwlock_t, until: Readonly<timespec>): Promise<number> {
  const timeoutMs = msUntil(until);
  return timeoutMs === undefined ? EINVAL : lock.take(false, { timeoutMs });
}
/** @returns as pthread_rwlock_wrlock, ETIMEDOUT */
export async function pthread_rwlock_timedwrlock(lock: pthread_rwlock_t, until: Readonly<timespec>): Promise<number> {
  const timeoutMs = msUntil(until);
  return timeoutMs === undefined ? EINVAL : lock.take(true, { timeoutMs });
}
/** @returns 0, EBUSY */
export function pthread_rwlock_tryrdlock(lock: pthread_rwlock_t): number {
  if (lock.lock === undefined) return EINVAL;
  const hold = lock.lock.tryRead();
  return hold === undefined ? EBUSY : lock.note(hold, false);
}
/** @returns 0, EBUSY */
export function pthread_rwlock_trywrlock(lock: pthread_rwlock_t): number {
  if (lock.lock === undefined) return EINVAL;
  const hold = lock.lock.tryWrite();
  return hold === undefined ? EBUSY : lock.note(hold, true);
}
/** @returns 0, EPERM when the caller does not hold it */
export function pthread_rwlock_unlock(lock: pthread_rwlock_t): number {
  if (lock.lock === undefined) return EINVAL;
  const self = pthread_self();
  const holds = lock.holds.get(self);
  const hold = holds?.list.pop();
  if (holds === undefined || hold === undefined) return EPERM;
  if (holds.list.length === 0) lock.holds.delete(self);
  hold[Symbol.dispose]();
  return 0;
}
