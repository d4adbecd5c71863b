/**
 * @capriccio/worker: one user-level scheduler and what it is wired to. The only door besides ./thread and ./entry; it knows no pool.
 * Way in: entry.ts (what a worker runs first), runtime.ts (the wires), scheduler.ts (the loop), executor.ts and caller.ts (tasks, both ends).
 */
export * from './call.ts';
export * from './caller.ts';
export * from './clock.ts';
export { Cell, currentThread, inThisContext } from './context.ts';
export { setPoolHandle, setRuntime } from './current.ts';
export { nameOfFunction } from './functions.ts';
export { ALL, type Envelope } from './mail.ts';
export { SPARE_SEAT, chooseWorker } from './placement.ts';
export type { PoolHandle } from './pool-handle.ts';
export { Arrivals, type PortMessage, type Postman } from './ports.ts';
export type { Entry, Root } from './run-queues.ts';
export { Runtime, type Overrun, type RuntimeStart } from './runtime.ts';
export { Scheduler } from './scheduler.ts';
export { SharedBufferTable } from './shared-buffers.ts';
export { LocalThread, type CurrentThread, type Thread, type ThreadStatus } from './thread.ts';
export type { Plugin, WorkerStart } from './worker-main.ts';
