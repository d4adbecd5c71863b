/** Thread-specific data over ThreadLocal: destructors run when a thread ends, in up to four rounds, for values that are neither null nor undefined. Next: sem.ts. */
import { ThreadLocal } from '../sync/thread-local.ts';
import { EINVAL } from './errno.ts';

/** Rounds of destructors at the end of a thread. */
export const PTHREAD_DESTRUCTOR_ITERATIONS = 4;

export class pthread_key_t {
  declare private readonly isNoOther: never;
  /** @internal */ local: ThreadLocal<unknown> | undefined = undefined;
}
/** @returns 0, EINVAL for a destructor that is no function */
export function pthread_key_create(key: pthread_key_t, destructor: ((value: never) => void) | null): number {
  if (destructor !== null && typeof destructor !== 'function') return EINVAL;
  key.local = destructor === null ? new ThreadLocal() : new ThreadLocal<unknown>(undefined, {
    destructor: (value) => { if (key.local !== undefined && value !== null && value !== undefined) destructor(value as never); },
  });
  return 0;
}
/** No destructor is called for it any more. */
export function pthread_key_delete(key: pthread_key_t): number {
  if (key.local === undefined) return EINVAL;
  key.local = undefined;
  return 0;
}
export function pthread_setspecific(key: pthread_key_t, value: unknown): number {
  if (key.local === undefined) return EINVAL;
  key.local.set(value);
  return 0;
}
/** The calling thread's value; null when it has set none. */
export function pthread_getspecific(key: pthread_key_t): unknown { return key.local?.get() ?? null; }
