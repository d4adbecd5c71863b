/**
 * One case of a `select` that waits for a shared channel. It stands in the channel's queue like any other, and is promised an item or room; only when
 * the promise has come, and the select still waits, it takes what was promised and so decides the select, in one go. A promise that comes too
 * late is given back, so nothing is received, or sent, twice or for nothing.
 */
import { IS_CLOSED, withdraw, type CapriccioError, type Waiter as SharedWaiter } from '@capriccio/shared';
import type { Abandoned, Waitable, Waiter } from '../sync/waiting.ts';
import { nodesExhausted } from './shared-wait.ts';
import type { SharedObjects } from './shared-objects.ts';

export interface CaseOperation {
  readonly what: string;
  readonly monitor: number;
  /** Inside: stands in line. */
  queue(one: SharedWaiter): 'waits' | 'full' | 'closed';
  /** Inside: takes what was promised. @returns what the select gives */
  take(node: number): unknown;
  /** Outside: gives back what was promised. */
  giveBack(result: number, node: number): void;
  closed(): CapriccioError;
}

export class SharedCase implements Waitable, SharedWaiter {
  readonly what: string;
  node = 0;
  readonly #objects: SharedObjects;
  readonly #operation: CaseOperation;
  readonly #waiter: Waiter;
  /** `enlist` has not returned: the select is not to be decided yet. */
  #isEnlisting = true;

  /** Stands in line for `waiter`, which is decided later, never inside this call. */
  static enlist(objects: SharedObjects, waiter: Waiter, operation: CaseOperation): void {
    const one = new SharedCase(objects, waiter, operation);
    waiter.waitingOn = one;
    objects.waits.add(one);
    objects.visit(operation.monitor, () => one.#queue());
    one.#isEnlisting = false;
  }

  private constructor(objects: SharedObjects, waiter: Waiter, operation: CaseOperation) {
    this.what = operation.what;
    this.#objects = objects;
    this.#operation = operation;
    this.#waiter = waiter;
  }

  holders(): [] { return []; }
  #isWanted(): boolean { return this.#waiter.waitingOn === this; }

  #queue(): void {
    if (!this.#isWanted()) return;
    const outcome = this.#operation.queue(this);
    if (outcome === 'waits') return;
    const error = outcome === 'closed' ? this.#operation.closed() : nodesExhausted(this.#objects, this.what).error;
    queueMicrotask(() => { if (this.#isWanted()) this.#wake(error, true); });
  }

  granted(result: number, node: number): void {
    this.node = 0;
    if (this.#isEnlisting) queueMicrotask(() => this.#settle(result, node));
    else this.#settle(result, node);
  }
  #settle(result: number, node: number): void {
    if (!this.#isWanted()) { this.#operation.giveBack(result, node); return; }
    if ((result & IS_CLOSED) !== 0) {
      this.#objects.visitor.nodes.release(node);
      this.#wake(this.#operation.closed(), true);
      return;
    }
    this.#objects.visit(this.#operation.monitor, () => {
      if (this.#isWanted()) this.#wake(this.#operation.take(node), false);
      else queueMicrotask(() => this.#operation.giveBack(result, node));
    });
  }
  #wake(value: unknown, byThrow: boolean): void {
    this.#waiter.waitingOn = undefined;
    this.#objects.waits.delete(this);
    this.#waiter.wake(value, byThrow);
  }

  /** The select has been decided otherwise, or given up. */
  abandon(waiter: Waiter): Abandoned {
    waiter.waitingOn = undefined;
    this.#objects.waits.delete(this);
    if (this.node !== 0) this.#objects.visit(this.#operation.monitor, () => this.#leave());
    return 'left';
  }
  /** The pool has been closed. */
  fail(error: unknown): void { if (this.#isWanted()) this.#wake(error, true); }
  #leave(): void {
    const { node } = this;
    const { visitor } = this.#objects;
    if (node === 0 || !withdraw(visitor, this.#operation.monitor, node)) return;   // promised meanwhile: the notice is on its way
    this.node = 0;
    visitor.forget(node);
  }
}
