/** POSIX semaphores over our Semaphore. They return the error number itself; in C it is in `errno`, and they return -1. To wait is a cancellation point. */
import { isCapriccioError } from '@capriccio/shared';
import { Semaphore } from '../sync/semaphore.ts';
import { EAGAIN, EBUSY, EINVAL, EOVERFLOW, ETIMEDOUT } from './errno.ts';
import type { Out } from './thread.ts';
import { msUntil, type timespec } from './time.ts';

export const SEM_VALUE_MAX: number = 2 ** 31 - 1;

export class sem_t {
  declare private readonly isNoOther: never;
  /** @internal */ semaphore: Semaphore | undefined = undefined;
}
/** `pshared` other than 0 is EINVAL: a pool's semaphores are named. */
export function sem_init(sem: sem_t, pshared: number, value: number): number {
  if (pshared !== 0 || !Number.isInteger(value) || value < 0 || value > SEM_VALUE_MAX) return EINVAL;
  sem.semaphore = new Semaphore(value);
  return 0;
}
export function sem_destroy(sem: sem_t): number {
  if (sem.semaphore === undefined) return EINVAL;
  if (sem.semaphore.waiting > 0) return EBUSY;
  sem.semaphore = undefined;
  return 0;
}
export async function sem_wait(sem: sem_t): Promise<number> {
  if (sem.semaphore === undefined) return EINVAL;
  await sem.semaphore.acquire();
  return 0;
}
/** @returns 0, EAGAIN */
export function sem_trywait(sem: sem_t): number {
  if (sem.semaphore === undefined) return EINVAL;
  return sem.semaphore.tryAcquire() === undefined ? EAGAIN : 0;
}
/** @returns 0, ETIMEDOUT */
export async function sem_timedwait(sem: sem_t, until: Readonly<timespec>): Promise<number> {
  const timeoutMs = msUntil(until);
  if (sem.semaphore === undefined || timeoutMs === undefined) return EINVAL;
  try {
    await sem.semaphore.acquire(1, { timeoutMs });
    return 0;
  } catch (error) {
    if (isCapriccioError(error, 'CAP_ERR_TIMEOUT')) return ETIMEDOUT;
    throw error;
  }
}
/** @returns 0, EOVERFLOW */
export function sem_post(sem: sem_t): number {
  if (sem.semaphore === undefined) return EINVAL;
  if (sem.semaphore.available === SEM_VALUE_MAX) return EOVERFLOW;
  sem.semaphore.release();
  return 0;
}
export function sem_getvalue(sem: sem_t, value: Out<number>): number {
  if (sem.semaphore === undefined) return EINVAL;
  value.value = sem.semaphore.available;
  return 0;
}
