/** The pool as a thread sees it: `pool()` of capriccio/thread. The interface is here, the core puts an implementation in (DESIGN: imports point down). */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type { ContextCodec } from './carried.ts';
import type { SharedBarrier } from './objects/shared-barrier.ts';
import type { SharedChannel } from './objects/shared-channel.ts';
import type { SharedCondition } from './objects/shared-condition.ts';
import type { SharedMutex } from './objects/shared-mutex.ts';
import type { SharedRwLock } from './objects/shared-rw-lock.ts';
import type { SharedSemaphore } from './objects/shared-semaphore.ts';

export interface PoolHandle extends SharedPrimitives {
  /** Every exported function of a module, typed, as remote functions. */
  module<M>(url: string | URL): unknown & { readonly __module?: M };
  /** Calls the default export of a module. */
  run<R>(url: string | URL, ...args: unknown[]): Promise<R>;
  /** A store that follows calls from this worker to others, and holds here what has come with a call. As `Pool.context`. */
  context<S, V = S>(store: AsyncLocalStorage<S>, codec?: ContextCodec<S, V>): void;
}

/**
 * Primitives across cores, by name: whoever names one first makes it, and all who give the same name get the same, on main and on every worker.
 * Each throws CAP_ERR_OPTION for a wrong option, or when the name stands for something else; CAP_ERR_MEMORY when there is no room for one more.
 */
export interface SharedPrimitives {
  mutex(name: string): SharedMutex;
  /** @param mutex  of the same pool, on the same thread's side */
  condition(name: string, mutex: SharedMutex): SharedCondition;
  /** @param permits  0 to 2^31 - 1 at the beginning */
  semaphore(name: string, permits: number, options?: SharedSemaphoreOptions): SharedSemaphore;
  /** @param parties  1 or more */
  barrier(name: string, parties: number): SharedBarrier;
  rwlock(name: string): SharedRwLock;
  channel<T>(name: string, options: SharedChannelOptions): SharedChannel<T>;
}

export interface SharedSemaphoreOptions {
  /**
   * What becomes of the permits that a worker holds when it dies: 'release' gives back what its threads have acquired and not released (the default);
   * 'keep' leaves them, for semaphores whose permits are made by one thread and used up by another.
   */
  onWorkerLost?: 'release' | 'keep';
}
export interface SharedChannelOptions {
  /** Values that it holds, 1 to 2^20. */
  capacity: number;
  /** Bytes that it holds, encoded, 1,024 to 2^28; a power of two, or the next. Default 64 for each value of the capacity, at least 65,536. */
  bytes?: number;
}
