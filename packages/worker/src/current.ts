/**
 * The runtime of this isolate, for code that a pool runs: a worker has one from its start; a main thread gets a scheduler of its own the first time
 * it spawns a thread, without cores.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Runtime } from './runtime.ts';
import { Scheduler } from './scheduler.ts';
import type { PoolHandle } from './pool-handle.ts';

let runtime: Runtime | undefined;
let handle: PoolHandle | undefined;
let alone: Scheduler | undefined;
let depth = 0;
/** Its turns must not run in the async context of whoever spawns first. */
const inLoadContext = AsyncLocalStorage.snapshot();

export function setRuntime(made: Runtime | undefined): void { runtime = made; }
export function setPoolHandle(made: PoolHandle | undefined): void { handle = made; }
/** Pools that this isolate is in: 0 on a main thread. */
export const poolDepth = (): number => depth;
export function setPoolDepth(pools: number): void { depth = pools; }
export const currentPoolHandle = (): PoolHandle | undefined => handle;
/** The scheduler that threads of this isolate run on. */
export const currentScheduler = (): Scheduler => runtime?.scheduler ?? (alone ??= inLoadContext(() => new Scheduler()));
