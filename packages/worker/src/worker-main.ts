/**
 * A worker thread of a pool: the runtime, then the plug-ins that the pool names (the pool's handle for threads, the host of servers), then it
 * takes its number and work begins. Loaded by entry.ts. Next: runtime.ts.
 */
import { workerData } from 'node:worker_threads';
import { CapriccioError } from '@capriccio/shared';
import { installHook, type Patterns } from '@capriccio/compiler/hook';
import './compiled/runtime.ts';
import { installStackTraces } from './compiled/stack-traces.ts';
import { setWhereUnparsed } from './load-module.ts';
import { Runtime } from './runtime.ts';
import { TYPELESS, type RuntimeStart } from './runtime-messages.ts';
import { watchContext } from './context.ts';
import { setPoolDepth, setRuntime } from './current.ts';
import { bearCancellations } from './unhandled.ts';

export interface WorkerStart extends RuntimeStart {
  /** Which files are compiled when they are loaded; undefined: none. */
  readonly compile: Patterns | undefined;
  /** The process is under the inspector, which a worker cannot see: source maps go with what is compiled. */
  readonly isInspected: boolean;
  /** Of linked stacks: bytes of native stack between two checks, and frames that a recursion may have on the heap. */
  readonly stacks: { readonly stackBound?: number; readonly framesMax?: number };
  /** Modules whose export `install(runtime)` is called before the worker takes work. */
  readonly plugins: readonly { readonly url: string; readonly data: unknown }[];
}

/** A plug-in of the worker. */
export interface Plugin { install(runtime: Runtime, data: unknown): unknown }

/** Runs what worker data names. Resolves when the worker takes work. */
export async function runWorker(): Promise<void> {
  const start = workerData as WorkerStart;
  watchContext();
  bearCancellations();
  if (start.compile !== undefined) compileWhatLoads(start.compile, start);
  const runtime = new Runtime(start);
  setRuntime(runtime);
  setPoolDepth(start.depth ?? 1);
  passWarningsOn((text) => runtime.mail.post(0, { kind: 'service', service: TYPELESS, body: text }));
  for (const { url, data } of start.plugins) await ((await import(url)) as Plugin).install(runtime, data);
  runtime.start();
}

/** What Node says of a package without `type` it would say in every worker: main says it once. */
function passWarningsOn(tell: (text: string) => void): void {
  const { emitWarning } = process;
  process.emitWarning = ((...given: Parameters<typeof emitWarning>) => {
    if ((given[1] as { code?: string } | undefined)?.code === TYPELESS) tell(String(given[0]));
    else emitWarning.apply(process, given);
  }) as typeof emitWarning;
}

/** From here on, application files are compiled as they load. The system's own never are. */
function compileWhatLoads(patterns: Patterns, { plugins, isInspected, stacks: { stackBound, framesMax } }: WorkerStart): void {
  const own = ['@capriccio/shared', '@capriccio/compiler', '@capriccio/worker'].map((name) => import.meta.resolve(name));
  const hook = installHook({
    ...patterns, isInspected, runtimeUrl: import.meta.resolve('@capriccio/worker/compiled'),
    ...stackBound === undefined ? {} : { stackBound },
    stack: { ...framesMax === undefined ? {} : { framesMax }, error: (message) => new CapriccioError('CAP_ERR_STACK', message) },
    own: [...own, ...plugins.map(({ url }) => url)].map((url) => new URL('.', url).href),
  });
  setWhereUnparsed(() => hook.whereUnparsed());
  installStackTraces(hook, new URL('.', import.meta.url).href);
}
