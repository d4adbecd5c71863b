/** A reader-writer lock across cores. Next: shared-channel.ts. */
import { OWNER_DIED, rwlocks } from '@capriccio/shared';
import { currentThread } from '../context.ts';
import type { LocalThread } from '../thread.ts';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { newLooking } from './looking.ts';
import type { SharedGuard } from './shared-mutex.ts';
import type { HeldObject, SharedObjects } from './shared-objects.ts';
import { nodesExhausted, perform, performDirect, type Operation, type SharedWaitOptions } from './shared-wait.ts';

class Hold implements SharedGuard {
  readonly ownerDied: boolean;
  readonly #mode: rwlocks.LockMode;
  #lock: SharedRwLock | undefined;
  readonly thread: LocalThread | undefined;
  constructor(lock: SharedRwLock, mode: rwlocks.LockMode, ownerDied: boolean, thread: LocalThread | undefined) {
    this.#lock = lock;
    this.#mode = mode;
    this.ownerDied = ownerDied;
    this.thread = thread;
    if (thread !== undefined) lock.holds.add(this);
  }
  [Symbol.dispose](): void {
    const lock = this.#lock;
    this.#lock = undefined;
    lock?.holds.delete(this);
    lock?.unlock(this.#mode);
  }
}

/** Many readers or one writer, in order of arrival: no stream of readers starves a writer. Not recursive, and a reader cannot become a writer. */
export class SharedRwLock implements HeldObject {
  readonly name: string;
  /** @internal */
  readonly object: number;
  /** @internal Those of threads of this isolate. */
  readonly holds: Set<Hold> = new Set();
  readonly #objects: SharedObjects;
  readonly #operations: readonly [Operation<SharedGuard>, Operation<SharedGuard>];

  /** @internal made by pool.rwlock */
  constructor(objects: SharedObjects, name: string, object: number) {
    this.name = name;
    this.#objects = objects;
    this.object = object;
    this.#operations = [this.#operation(rwlocks.READ_LOCK), this.#operation(rwlocks.WRITE_LOCK)];
  }
  #operation(mode: rwlocks.LockMode): Operation<SharedGuard> {
    const { visitor } = this.#objects;
    const what = `rwlock '${this.name}'`;
    return {
      what, monitor: this.object, looking: newLooking(),
      holders: () => this.holders(),
      enter: (waiter) => {
        const outcome = rwlocks.lockShared(visitor, this.object, mode, waiter);
        return outcome === 'waits' ? 'waits' : outcome === 'full' ? nodesExhausted(this.#objects, what) : { value: new Hold(this, mode, outcome === 'owner-died', waiter.thread) };
      },
      granted: (result, node, wait) => {
        visitor.nodes.release(node);
        wait.succeed(new Hold(this, mode, result === OWNER_DIED, wait.thread));
      },
      passOn: (result, node) => {
        visitor.nodes.release(node);
        this.unlock(mode, result === OWNER_DIED);
      },
    };
  }

  /** Waits until nobody writes and whoever came before has had its turn. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  read(options?: SharedWaitOptions): Promise<SharedGuard> { return perform(this.#objects, this.#operations[0], options); }
  /** Waits until nobody reads or writes. Rejects likewise. `ownerDied`: a writer died with it. */
  write(options?: SharedWaitOptions): Promise<SharedGuard> { return perform(this.#objects, this.#operations[1], options); }
  /** @internal for threads that run as frames */
  direct(mode: rwlocks.LockMode, options: SharedWaitOptions | undefined): SharedGuard | typeof SUSPENDED { return performDirect(this.#objects, this.#operations[mode === rwlocks.READ_LOCK ? 0 : 1], options); }
  /** Reads if it may at once; never waits. May be refused while another core is just changing the lock. */
  tryRead(): SharedGuard | undefined { return this.#try(rwlocks.READ_LOCK); }
  /** Writes if it may at once; never waits. Likewise. */
  tryWrite(): SharedGuard | undefined { return this.#try(rwlocks.WRITE_LOCK); }

  #try(mode: rwlocks.LockMode): SharedGuard | undefined {
    if (this.#objects.closed !== undefined) throw this.#objects.closed;
    const { visitor } = this.#objects;
    let outcome = '';
    visitor.tryVisit(this.object, () => { outcome = rwlocks.lockShared(visitor, this.object, mode, undefined); });
    return outcome === 'now' || outcome === 'owner-died' ? new Hold(this, mode, outcome === 'owner-died', currentThread()) : undefined;
  }

  /** @internal */
  holders(): LocalThread[] { return Array.from(this.holds, (hold) => hold.thread as LocalThread); }
  /** @internal */
  unlock(mode: rwlocks.LockMode, hasNews = false): void { this.#objects.visit(this.object, () => rwlocks.unlockShared(this.#objects.visitor, this.object, mode, hasNews)); }
}

setDirect(SharedRwLock.prototype.read, function readDirect(this: SharedRwLock, options?: SharedWaitOptions) { return this.direct(rwlocks.READ_LOCK, options); });
setDirect(SharedRwLock.prototype.write, function writeDirect(this: SharedRwLock, options?: SharedWaitOptions) { return this.direct(rwlocks.WRITE_LOCK, options); });
