/** `pool.context`: checked options, then @capriccio/worker's carried stores. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CarriedStores, ContextCodec } from '@capriccio/worker';
import { checkObject, checkString, refuse, shown } from './check.ts';

export function follow<S, V>(stores: CarriedStores, store: AsyncLocalStorage<S>, codec: ContextCodec<S, V> | undefined): void {
  if (!(store instanceof AsyncLocalStorage)) refuse(`context takes an AsyncLocalStorage, not ${shown(store)}`);
  const given = checkObject(codec, 'context', ['name', 'get', 'set']) as ContextCodec<S, V>;
  checkString(given.name, 'name of context');
  for (const name of ['get', 'set'] as const) if (given[name] !== undefined && typeof given[name] !== 'function') refuse(`${name} of context must be a function, not ${shown(given[name])}`);
  stores.follow(store, given);
}
