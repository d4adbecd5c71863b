/**
 * POSIX mutexes over our Mutex: normal, recursive and error-checking, robust or not. To lock is no cancellation point. A normal one that its owner
 * locks again waits for itself, as POSIX has it. Next: cond.ts.
 */
import { currentThread } from '../context.ts';
import { isCapriccioError } from '@capriccio/shared';
import { steadfastly, type WaitOptions } from '../sync/block.ts';
import { Mutex } from '../sync/mutex.ts';
import type { LocalThread } from '../thread.ts';
import { EAGAIN, EBUSY, EDEADLK, EINVAL, ENOTRECOVERABLE, EOWNERDEAD, EPERM, ETIMEDOUT } from './errno.ts';
import { msUntil, type timespec } from './time.ts';

export const PTHREAD_MUTEX_NORMAL = 0;
export const PTHREAD_MUTEX_RECURSIVE = 1;
export const PTHREAD_MUTEX_ERRORCHECK = 2;
export const PTHREAD_MUTEX_DEFAULT = 0;
export const PTHREAD_MUTEX_STALLED = 0;
export const PTHREAD_MUTEX_ROBUST = 1;
const RECURSION_MAX = 2 ** 31 - 1;

export class pthread_mutexattr_t {
  declare private readonly isNoOther: never;
  /** @internal */ type: number = PTHREAD_MUTEX_DEFAULT;
  /** @internal */ robust: number = PTHREAD_MUTEX_STALLED;
}
export function pthread_mutexattr_init(attr: pthread_mutexattr_t): number { attr.type = PTHREAD_MUTEX_DEFAULT; attr.robust = PTHREAD_MUTEX_STALLED; return 0; }
export function pthread_mutexattr_destroy(attr: pthread_mutexattr_t): number { return attr instanceof pthread_mutexattr_t ? 0 : EINVAL; }
export function pthread_mutexattr_settype(attr: pthread_mutexattr_t, type: number): number {
  if (![PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK].includes(type)) return EINVAL;
  attr.type = type;
  return 0;
}
export function pthread_mutexattr_setrobust(attr: pthread_mutexattr_t, robust: number): number {
  if (robust !== PTHREAD_MUTEX_STALLED && robust !== PTHREAD_MUTEX_ROBUST) return EINVAL;
  attr.robust = robust;
  return 0;
}

/** A mutex; a new one is initialised, as by PTHREAD_MUTEX_INITIALIZER. */
export class pthread_mutex_t {
  declare private readonly isNoOther: never;
  /** @internal */ mutex: Mutex | undefined = new Mutex();
  /** @internal */ type: number = PTHREAD_MUTEX_DEFAULT;
  /** @internal */ isRobust = false;
  /** @internal how often its owner has locked it */ depth = 0;
  /** @internal */ damage: 'none' | 'owner died' | 'for good' = 'none';

  /** @internal */ get isMine(): boolean { return this.mutex?.isHeldBy(currentThread()) === true; }

  /** @internal What needs no wait: an error number, or undefined when the mutex is to be locked. */
  enter(isTry: boolean): number | undefined {
    if (this.mutex === undefined) return EINVAL;
    if (this.damage === 'for good') return ENOTRECOVERABLE;
    if (!this.isMine) return isTry && this.mutex.isLocked ? EBUSY : undefined;
    if (this.type === PTHREAD_MUTEX_RECURSIVE) {
      if (this.depth === RECURSION_MAX) return EAGAIN;
      this.depth++;
      return 0;
    }
    if (isTry) return EBUSY;
    return this.type === PTHREAD_MUTEX_ERRORCHECK ? EDEADLK : undefined;
  }
  /** @internal It has been locked. */
  entered(): number {
    if (this.damage === 'for good') {
      held.get(currentThread()?.principal as LocalThread)?.delete(this);   // a wait on a condition leaves it there
      this.mutex?.release();
      return ENOTRECOVERABLE;
    }
    this.depth = 1;
    if (this.isRobust) watch(this);
    return this.damage === 'owner died' ? EOWNERDEAD : 0;
  }
  /** @internal */
  leave(): void {
    if (this.isRobust) held.get(currentThread()?.principal as LocalThread)?.delete(this);
    if (this.damage === 'owner died') this.damage = 'for good';
    this.depth = 0;
    this.mutex?.release();
  }
  /** @internal Its owner has ended without unlocking it. */
  ownerDied(): void {
    this.damage = 'owner died';
    this.depth = 0;
    this.mutex?.release();
  }
}

/** Robust mutexes that threads hold. */
const held = new WeakMap<LocalThread, Set<pthread_mutex_t>>();
function watch(mutex: pthread_mutex_t): void {
  const thread = currentThread()?.principal;
  if (thread === undefined) return;                                      // code outside of threads does not end
  let mutexes = held.get(thread);
  if (mutexes === undefined) {
    const all = mutexes = new Set<pthread_mutex_t>();
    held.set(thread, all);
    thread.beforeEnd(() => { for (const one of all) one.ownerDied(); });
  }
  mutexes.add(mutex);
}

/** @returns 0, EBUSY when it is locked */
export function pthread_mutex_init(mutex: pthread_mutex_t, attr: pthread_mutexattr_t | null): number {
  if (mutex.mutex?.isLocked === true) return EBUSY;
  mutex.mutex = new Mutex();
  mutex.type = attr?.type ?? PTHREAD_MUTEX_DEFAULT;
  mutex.isRobust = attr?.robust === PTHREAD_MUTEX_ROBUST;
  mutex.damage = 'none';
  return 0;
}
/** @returns 0, EBUSY when it is locked, EINVAL when it has been destroyed */
export function pthread_mutex_destroy(mutex: pthread_mutex_t): number {
  if (mutex.mutex === undefined) return EINVAL;
  if (mutex.mutex.isLocked) return EBUSY;
  mutex.mutex = undefined;
  return 0;
}

/** @returns 0, EDEADLK (error-checking, one's own; or a circle of waits, where the pool breaks them), EAGAIN (recursive, too often), EOWNERDEAD (robust: locked, its last owner ended with it), ENOTRECOVERABLE, EINVAL */
export async function pthread_mutex_lock(mutex: pthread_mutex_t): Promise<number> { return mutex.enter(false) ?? lock(mutex, undefined); }
async function lock(mutex: pthread_mutex_t, options: WaitOptions | undefined): Promise<number> {
  try {
    await (mutex.mutex as Mutex).take(steadfastly, options, currentThread());
  } catch (error) {
    if (isCapriccioError(error, 'CAP_ERR_TIMEOUT')) return ETIMEDOUT;
    if (isCapriccioError(error, 'CAP_ERR_DEADLOCK')) return EDEADLK;
    throw error;
  }
  return mutex.entered();
}
/** @returns as pthread_mutex_lock, EBUSY when it is locked */
export function pthread_mutex_trylock(mutex: pthread_mutex_t): number {
  const known = mutex.enter(true);
  if (known !== undefined) return known;
  mutex.mutex?.tryLock();
  return mutex.entered();
}
/** @returns as pthread_mutex_lock, ETIMEDOUT, EINVAL for no time */
export async function pthread_mutex_timedlock(mutex: pthread_mutex_t, until: Readonly<timespec>): Promise<number> {
  const timeoutMs = msUntil(until);
  if (timeoutMs === undefined) return EINVAL;
  return mutex.enter(false) ?? lock(mutex, { timeoutMs });
}
/** @returns 0, EPERM when the caller has not locked it */
export function pthread_mutex_unlock(mutex: pthread_mutex_t): number {
  if (mutex.mutex === undefined) return EINVAL;
  if (!mutex.isMine) return EPERM;
  if (--mutex.depth === 0) mutex.leave();
  return 0;
}
/** What a robust mutex protects has been put in order again. @returns 0, EINVAL when there was nothing to be put in order, or the caller has not locked it */
export function pthread_mutex_consistent(mutex: pthread_mutex_t): number {
  if (!mutex.isMine || mutex.damage !== 'owner died') return EINVAL;
  mutex.damage = 'none';
  return 0;
}
