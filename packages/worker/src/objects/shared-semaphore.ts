/** A semaphore across cores. Next: shared-barrier.ts. */
import { CapriccioError, semaphores } from '@capriccio/shared';
import { checkCount } from '../sync/block.ts';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { newLooking } from './looking.ts';
import type { SharedObjects } from './shared-objects.ts';
import { nodesExhausted, perform, performDirect, type Operation, type SharedWaitOptions } from './shared-wait.ts';

/** What `acquire` gives: gives its permits back when it is disposed of, once. */
class Permits implements Disposable {
  #semaphore: SharedSemaphore | undefined;
  readonly #count: number;
  constructor(semaphore: SharedSemaphore, count: number) {
    this.#semaphore = semaphore;
    this.#count = count;
  }
  [Symbol.dispose](): void {
    const semaphore = this.#semaphore;
    this.#semaphore = undefined;
    semaphore?.release(this.#count);
  }
}

/** First come, first served: who wants many is not passed by those who want few. */
export class SharedSemaphore {
  readonly name: string;
  readonly #objects: SharedObjects;
  readonly #object: number;
  readonly #what: string;
  readonly #looking = newLooking();

  /** @internal made by pool.semaphore */
  constructor(objects: SharedObjects, name: string, object: number) {
    this.name = name;
    this.#objects = objects;
    this.#object = object;
    this.#what = `semaphore '${name}'`;
  }

  /** Takes `count` permits at once, waiting for its turn. Rejects with CAP_ERR_TIMEOUT, or when the thread is cancelled. */
  async acquire(count = 1, options?: SharedWaitOptions): Promise<Disposable> {
    checkCount(count, 1, 'the count of acquire');
    return await perform(this.#objects, this.#operation(count), options);
  }
  /** @internal for threads that run as frames */
  acquireDirect(count: number, options: SharedWaitOptions | undefined): Disposable | typeof SUSPENDED {
    checkCount(count, 1, 'the count of acquire');
    return performDirect(this.#objects, this.#operation(count), options);
  }
  #operation(count: number): Operation<Disposable> {
    const { visitor } = this.#objects;
    return {
      what: this.#what, monitor: this.#object, looking: this.#looking,
      enter: (waiter) => {
        const outcome = semaphores.acquire(visitor, this.#object, count, waiter);
        return outcome === 'waits' ? 'waits' : outcome === 'full' ? nodesExhausted(this.#objects, this.#what) : { value: new Permits(this, count) };
      },
      granted: (_, node, wait) => {
        visitor.nodes.release(node);
        wait.succeed(new Permits(this, count));
      },
      passOn: (_, node) => {
        visitor.nodes.release(node);
        this.release(count);
      },
    };
  }

  /** Takes `count` permits if they are there and nobody waits; never waits. May be refused while another core is just changing the semaphore. */
  tryAcquire(count = 1): Disposable | undefined {
    checkCount(count, 1, 'the count of tryAcquire');
    if (this.#objects.closed !== undefined) throw this.#objects.closed;
    const { visitor } = this.#objects;
    let hasGot = false;
    visitor.tryVisit(this.#object, () => { hasGot = semaphores.acquire(visitor, this.#object, count, undefined) === 'now'; });
    return hasGot ? new Permits(this, count) : undefined;
  }

  /** Adds `count` permits, from any thread. Throws CAP_ERR_OPTION when there would be more than 2^31 - 1; warns so when that is seen later. */
  release(count = 1): void {
    checkCount(count, 1, 'the count of release');
    const { visitor } = this.#objects;
    let error: CapriccioError | undefined;
    let isLate = false;
    this.#objects.visit(this.#object, () => {
      if (semaphores.release(visitor, this.#object, count)) return;
      error = new CapriccioError('CAP_ERR_OPTION', `${this.#what} would have more than ${semaphores.PERMITS_MAX} permits: ${count} were not added`);
      if (isLate) process.emitWarning(error);
    });
    isLate = true;
    if (error !== undefined) throw error as CapriccioError;
  }
}

setDirect(SharedSemaphore.prototype.acquire, function acquireDirect(this: SharedSemaphore, count = 1, options?: SharedWaitOptions) { return this.acquireDirect(count, options); });
