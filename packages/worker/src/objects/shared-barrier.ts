/** A barrier across cores. Next: shared-rw-lock.ts. */
import { barriers } from '@capriccio/shared';
import { setDirect, type SUSPENDED } from '../suspended.ts';
import { newLooking } from './looking.ts';
import type { SharedObjects } from './shared-objects.ts';
import { nodesExhausted, perform, performDirect, type Operation, type SharedWaitOptions } from './shared-wait.ts';

export class SharedBarrier {
  readonly name: string;
  readonly parties: number;
  readonly #objects: SharedObjects;
  readonly #operation: Operation<boolean>;

  /** @internal made by pool.barrier */
  constructor(objects: SharedObjects, name: string, object: number, parties: number) {
    this.name = name;
    this.parties = parties;
    this.#objects = objects;
    const what = `barrier '${name}'`;
    this.#operation = {
      what, monitor: object, looking: newLooking(),
      enter: (waiter) => {
        const outcome = barriers.arrive(objects.visitor, object, waiter);
        return outcome === 'waits' ? 'waits' : outcome === 'full' ? nodesExhausted(objects, what) : { value: true };
      },
      granted: (_, node, wait) => {
        objects.visitor.nodes.release(node);
        wait.succeed(false);
      },
      passOn: (_, node) => objects.visitor.nodes.release(node),          // its round had ended: it counts as arrived
    };
  }

  /**
   * Waits until `parties` threads have arrived, on whatever cores; then the next round begins. @returns true for one of them, the last to arrive.
   * Who gives up (CAP_ERR_TIMEOUT, cancellation), or dies while it waits, has not arrived: the others go on waiting for one more.
   */
  wait(options?: SharedWaitOptions): Promise<boolean> { return perform(this.#objects, this.#operation, options); }
  /** @internal for threads that run as frames */
  waitDirect(options: SharedWaitOptions | undefined): boolean | typeof SUSPENDED { return performDirect(this.#objects, this.#operation, options); }
}

setDirect(SharedBarrier.prototype.wait, function waitDirect(this: SharedBarrier, options?: SharedWaitOptions) { return this.waitDirect(options); });
