/** capriccio/thread: what code that a pool runs may call. */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { pool as poolOfThread } from '@capriccio/worker/thread';
import type { ContextCodec, SharedPrimitives } from '@capriccio/worker';
import type { Remote } from './remote.ts';

export * from '@capriccio/worker/thread';

/** The pool as its threads see it. */
export interface PoolHandle extends SharedPrimitives {
  /** Every exported function of a module, to be run on some core: here if no other is idle. Throws CAP_ERR_OPTION for what is no URL or absolute path. */
  module<M>(url: string | URL): Remote<M>;
  /** Calls the default export of a module on some core. */
  run<R>(url: string | URL, ...args: unknown[]): Promise<R>;
  /** Names a store whose value follows calls: those of this worker, and those that come to it. As `Pool.context`. */
  context<S, V = S>(store: AsyncLocalStorage<S>, codec?: ContextCodec<S, V>): void;
}

/** The pool that this thread runs in. Throws CAP_ERR_OPTION where there is none: on a main thread, use the pool itself. */
export const pool: () => PoolHandle = poolOfThread as () => PoolHandle;
