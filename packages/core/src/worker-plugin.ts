/** What the core puts into every worker before it takes work: the pool as threads see it. */
import { setPoolHandle, type PoolHandle, type Runtime } from '@capriccio/worker';
import { moduleUrl, remoteModule, targetOf } from './remote.ts';

export function install(runtime: Runtime): void {
  const modules = new Map<string, object>();
  setPoolHandle({
    module: (given) => {
      const url = moduleUrl(given);
      let found = modules.get(url);
      if (found === undefined) { found = remoteModule(runtime.caller, url); modules.set(url, found); }
      return found;
    },
    run: (given, ...args) => runtime.caller.call(targetOf(runtime.caller, moduleUrl(given), 'default'), args),
  } as PoolHandle);
}
