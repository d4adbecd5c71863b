/** A condition of what a shared mutex protects. Next: shared-semaphore.ts. */
import { CapriccioError, OWNER_DIED, conditions } from '@capriccio/shared';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { newLooking } from './looking.ts';
import type { SharedMutex } from './shared-mutex.ts';
import type { SharedObjects } from './shared-objects.ts';
import { nodesExhausted, perform, performDirect, type Operation, type SharedWaitOptions } from './shared-wait.ts';

/** What a wait for a condition tells: as a guard does. */
export interface Reacquired { readonly ownerDied: boolean }

/** Wait in a loop: another thread may have had the mutex between the signal and this thread's turn. */
export class SharedCondition {
  readonly name: string;
  readonly #objects: SharedObjects;
  readonly #object: number;
  readonly #mutex: number;
  readonly #operation: Operation<Reacquired>;

  /** @internal made by pool.condition */
  constructor(objects: SharedObjects, name: string, object: number, mutex: SharedMutex) {
    this.name = name;
    this.#objects = objects;
    this.#object = object;
    this.#mutex = mutex.object;
    const what = `condition '${name}'`;
    this.#operation = {
      what, monitor: this.#mutex, looking: newLooking(),
      enter: (waiter) => {
        const outcome = conditions.wait(objects.visitor, object, this.#mutex, waiter);
        if (outcome === 'full') return nodesExhausted(objects, what);
        if (outcome === 'not-owner') return { error: new CapriccioError('CAP_ERR_OPTION', `${what}: wait was called while nobody of this core holds mutex '${mutex.name}'`) };
        mutex.holder = undefined;
        return 'waits';
      },
      granted: (result, node, wait) => {
        objects.visitor.nodes.release(node);
        if (result === OWNER_DIED && wait.hasFailed) mutex.keepNews();
        mutex.holder = wait.thread;
        wait.succeed({ ownerDied: result === OWNER_DIED });
      },
      passOn: (_, node) => objects.visitor.nodes.release(node),          // the pool has been closed: else it ends with its mutex
      giveUpLater: (node) => { conditions.giveUp(objects.visitor, object, this.#mutex, node); },
    };
  }

  /**
   * Unlocks the mutex, waits for a signal, and locks it again: also before it rejects, with CAP_ERR_TIMEOUT or because the thread was cancelled.
   * CAP_ERR_OPTION when no thread of this core holds the mutex.
   */
  wait(options?: SharedWaitOptions): Promise<Reacquired> { return perform(this.#objects, this.#operation, options); }
  /** @internal for threads that run as frames */
  waitDirect(options: SharedWaitOptions | undefined): Reacquired | typeof SUSPENDED { return performDirect(this.#objects, this.#operation, options); }
  /** Ends the wait of who waits longest, on whatever core. */
  signal(): void { this.#objects.visit(this.#mutex, () => conditions.signal(this.#objects.visitor, this.#object, this.#mutex)); }
  /** Ends the wait of all who wait now: wholly, though whoever calls it may die in the middle. */
  broadcast(): void { this.#objects.visit(this.#mutex, () => conditions.broadcast(this.#objects.visitor, this.#object, this.#mutex)); }
}

setDirect(SharedCondition.prototype.wait, function waitDirect(this: SharedCondition, options?: SharedWaitOptions) { return this.waitDirect(options); });
