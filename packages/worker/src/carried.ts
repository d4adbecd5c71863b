/**
 * Stores of AsyncLocalStorage that follow calls to other cores. A store object belongs to one isolate, so both sides name it: where a call is made,
 * the values of the named stores are copied into it; where it runs, what has the same name there holds them from the first line on. What is named on
 * one side only stays there. A call of a pool that carries nothing pays for one comparison.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { CapriccioError, type Tasks } from '@capriccio/shared';

/** What of a store's value travels, and what becomes of it on the other side. */
export interface ContextCodec<S = unknown, V = S> {
  /** What the two sides call the store. Default: the name that it was made with, `new AsyncLocalStorage({ name })`. */
  name?: string;
  /** What travels of a value, as arguments do; undefined: nothing. Default: the value itself. */
  get?(value: S): V;
  /** The value on the other side. Default: what has travelled. */
  set?(carried: V): S;
}

/** Names and values by turns. */
export type Carried = readonly unknown[];

interface Store { readonly als: AsyncLocalStorage<unknown>; readonly get: ((value: unknown) => unknown) | undefined; readonly set: ((carried: unknown) => unknown) | undefined }

export class CarriedStores {
  readonly #byName = new Map<string, Store>();

  /** From now on its values follow calls. Naming it again replaces the codec. Throws CAP_ERR_OPTION without a name, or when that stands for another store. */
  follow<S, V>(als: AsyncLocalStorage<S>, { name = als.name, get, set }: ContextCodec<S, V>): void {
    if (typeof name !== 'string' || name === '') throw new CapriccioError('CAP_ERR_OPTION', 'a store that follows calls needs a name by which the other side knows it: new AsyncLocalStorage({ name }), or context(store, { name })');
    const before = this.#byName.get(name);
    if (before !== undefined && before.als !== als as unknown) throw new CapriccioError('CAP_ERR_OPTION', `the name '${name}' stands for another store already; give each its own: context(store, { name })`);
    this.#byName.set(name, { als, get, set } as Store);
  }

  /** What goes with a call that is made now, each a copy; undefined when there is nothing. Throws CAP_ERR_NOT_CLONEABLE, and what a `get` throws. */
  capture(tasks: Tasks): Carried | undefined {
    if (this.#byName.size === 0) return undefined;
    let carried: unknown[] | undefined;
    for (const [name, { als, get }] of this.#byName) {
      const value = als.getStore();
      const travels = value === undefined || get === undefined ? value : get(value);
      if (travels === undefined) continue;
      const copied = tasks.clone(travels, `the store '${name}'`);
      if (copied.byPort) throw new CapriccioError('CAP_ERR_NOT_CLONEABLE', `the store '${name}' holds what only a port can carry; give context() a get that returns plain data`);
      (carried ??= []).push(name, copied.value);
    }
    return carried;
  }

  /** Calls `fn` where the stores hold what has been carried. Throws what a `set` throws. */
  within<R>(carried: Carried, fn: () => R, at = 0): R {
    if (at >= carried.length) return fn();
    const store = this.#byName.get(carried[at] as string);
    const goOn = (): R => this.within(carried, fn, at + 2);
    if (store === undefined) return goOn();
    const value = carried[at + 1];
    return store.als.run(store.set === undefined ? value : store.set(value), goOn);
  }
}
