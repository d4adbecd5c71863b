/** What the core puts into every worker before it takes work: the pool as threads see it, and the host of servers. */
import { setPoolHandle, type PoolHandle, type Runtime } from '@capriccio/worker';
import { SERVE } from './serve/messages.ts';
import { PROGRAM_KIND, type ProgramOrder } from './program/messages.ts';
import { CheckedPrimitives } from './shared-primitives.ts';
import { follow } from './context.ts';
import { moduleUrl, remoteModule, targetOf } from './remote.ts';

export function install(runtime: Runtime): Promise<unknown> | undefined {
  /** By what was given, and by URL: threads ask for their own module at each call, and resolving a URL looks at the disk. */
  const modules = new Map<string, object>();
  const primitives = new CheckedPrimitives(runtime.objects);
  setPoolHandle({
    mutex: (name) => primitives.mutex(name),
    condition: (name, mutex) => primitives.condition(name, mutex),
    semaphore: (name, permits, options) => primitives.semaphore(name, permits, options),
    barrier: (name, parties) => primitives.barrier(name, parties),
    rwlock: (name) => primitives.rwlock(name),
    channel: (name, options) => primitives.channel(name, options),
    context: (store, codec) => follow(runtime.stores, store, codec),
    module: (given) => {
      const text = given instanceof URL ? given.href : given;
      let found = modules.get(text);
      if (found === undefined) {
        const url = moduleUrl(given);
        found = modules.get(url) ?? remoteModule(runtime.caller, url);
        modules.set(url, found).set(text, found);
      }
      return found;
    },
    run: (given, ...args) => runtime.caller.call(targetOf(runtime.caller, moduleUrl(given), 'default'), args),
  } as PoolHandle);
  runtime.functions.provide(PROGRAM_KIND, (url) => ({
    fn: async (order) => (await import('./program/host.ts')).runProgram(runtime, url, order as ProgramOrder), rootName: url, threadName: 'program',
  }));
  let host: Promise<(body: unknown) => void> | undefined;
  if (runtime.lane === 'back') host = import('./serve/back-host.ts').then(({ hostBackLanes }) => hostBackLanes(runtime));   // requests may come before main's word
  runtime.serve(SERVE, (body) => {
    host ??= import('./serve/host-servers.ts').then(({ hostServers }) => hostServers(runtime));   // loaded by who serves, and messages keep their order
    void host.then((receive) => receive(body));
  });
  return host;
}
