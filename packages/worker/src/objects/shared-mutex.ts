/** A mutex across cores: shared/src/objects/mutex.ts as its users see it. Next: shared-condition.ts. */
import { OWNER_DIED, mutexes } from '@capriccio/shared';
import { currentThread } from '../context.ts';
import type { LocalThread } from '../thread.ts';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { newLooking } from './looking.ts';
import type { HeldObject, SharedObjects } from './shared-objects.ts';
import { nodesExhausted, perform, performDirect, refusal, refuse, type Entered, type Operation, type SharedWait, type SharedWaitOptions } from './shared-wait.ts';

/** What a lock gives: unlocks when it is disposed of, once. */
export interface SharedGuard extends Disposable {
  /** Whoever had it before died with it (EOWNERDEAD): what it protects may be half-done. Whoever is told makes it whole. */
  readonly ownerDied: boolean;
}

class Guard implements SharedGuard {
  readonly ownerDied: boolean;
  #mutex: SharedMutex | undefined;
  constructor(mutex: SharedMutex, ownerDied: boolean, thread: LocalThread | undefined) {
    this.#mutex = mutex;
    this.ownerDied = ownerDied;
    mutex.holder = thread;
  }
  [Symbol.dispose](): void {
    const mutex = this.#mutex;
    this.#mutex = undefined;
    mutex?.unlock();
  }
}

/** Not recursive. First come, first served over all cores: who unlocks hands it to who has waited longest. */
export class SharedMutex implements HeldObject {
  readonly name: string;
  /** @internal */
  readonly object: number;
  readonly #objects: SharedObjects;
  /** @internal The thread of this isolate that has it. */
  holder: LocalThread | undefined;
  #hasNews = false;
  readonly #operation: Operation<SharedGuard>;

  /** @internal made by pool.mutex */
  constructor(objects: SharedObjects, name: string, object: number) {
    this.name = name;
    this.object = object;
    this.#objects = objects;
    const what = `mutex '${name}'`;
    this.#operation = {
      what, monitor: object, looking: newLooking(),
      holders: () => this.holders(),
      enter: (waiter: SharedWait<SharedGuard>): Entered<SharedGuard> => {
        const outcome = mutexes.lock(objects.visitor, object, waiter);
        if (outcome === 'waits') return 'waits';
        return outcome === 'full' ? nodesExhausted(objects, what) : { value: new Guard(this, outcome === 'owner-died', waiter.thread) };
      },
      granted: (result, node, wait) => {
        objects.visitor.nodes.release(node);
        wait.succeed(new Guard(this, result === OWNER_DIED, wait.thread));
      },
      passOn: (result, node) => {
        objects.visitor.nodes.release(node);
        if (result === OWNER_DIED) this.keepNews();
        this.unlock();
      },
    };
  }

  /** Locks it, waiting for its turn. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. One compare-and-swap when it is free. */
  lock(options?: SharedWaitOptions): Promise<SharedGuard> {
    const refused = refusal(this.#objects, options);
    if (refused !== undefined) return refused;
    const guard = this.tryLock();
    return guard === undefined ? perform(this.#objects, this.#operation, options) : Promise.resolve(guard);
  }

  /** @internal for threads that run as frames */
  lockDirect(options: SharedWaitOptions | undefined): SharedGuard | typeof SUSPENDED {
    refuse(this.#objects, options);
    return this.tryLock() ?? performDirect(this.#objects, this.#operation, options);
  }

  /** Locks it if it is free; never waits. */
  tryLock(): SharedGuard | undefined {
    if (this.#objects.closed !== undefined) throw this.#objects.closed;
    const { memory, id } = this.#objects.visitor;
    const locked = mutexes.tryLock(memory, this.object, id);
    return locked === 'busy' ? undefined : new Guard(this, locked === 'owner-died', currentThread());
  }

  /** @internal It has been got by one that gave up and cannot be told of a death: the next one is. */
  keepNews(): void { this.#hasNews = true; }

  /** @internal */
  holders(): LocalThread[] { return this.holder === undefined ? [] : [this.holder]; }
  /** @internal */
  unlock(): void {
    this.holder = undefined;
    const { visitor } = this.#objects;
    if (this.#hasNews) {
      this.#hasNews = false;
      this.#objects.visit(this.object, () => mutexes.unlock(visitor, this.object, true));
    } else if (!mutexes.tryUnlock(visitor.memory, this.object, visitor.id)) this.#objects.visit(this.object, () => mutexes.unlock(visitor, this.object));
  }
}

setDirect(SharedMutex.prototype.lock, function lockDirect(this: SharedMutex, options?: SharedWaitOptions) { return this.lockDirect(options); });
