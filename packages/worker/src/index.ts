/**
 * @capriccio/worker: one user-level scheduler and what it is wired to. The only door besides ./thread and ./entry; it knows no pool.
 * Way in: entry.ts (what a worker runs first), runtime.ts (the wires), scheduler.ts (the loop), executor.ts and caller.ts (tasks, both ends).
 */
export * from './call.ts';
export { CallTimes, OTHER_FUNCTIONS, timesHistogram, type TimesKind } from './call-times.ts';
export * from './caller.ts';
export { CarriedStores, type ContextCodec } from './carried.ts';
export * from './clock.ts';
export { Cell, currentThread, inThisContext, type Asker } from './context.ts';
export { currentPoolHandle, poolDepth, setPoolHandle, setRuntime } from './current.ts';
export { callAsFrames } from './compiled/threads.ts';
export { findExport, nameOfFunction } from './functions.ts';
export { loadModule, setWhereUnparsed } from './load-module.ts';
export { ALL, type Envelope } from './mail.ts';
export { SharedBarrier } from './objects/shared-barrier.ts';
export { SharedChannel, type SharedSendOptions } from './objects/shared-channel.ts';
export { SharedCondition, type Reacquired } from './objects/shared-condition.ts';
export { SharedMutex, type SharedGuard } from './objects/shared-mutex.ts';
export { SharedObjects } from './objects/shared-objects.ts';
export { SharedRwLock } from './objects/shared-rw-lock.ts';
export { SharedSemaphore } from './objects/shared-semaphore.ts';
export type { SharedWaitOptions } from './objects/shared-wait.ts';
export { BACK_SEAT, LONG_TURN_MS, SPARE_SEAT, chooseWorker } from './placement.ts';
export type { PoolHandle, SharedChannelOptions, SharedPrimitives, SharedSemaphoreOptions } from './pool-handle.ts';
export { Arrivals, type PortMessage, type Postman } from './ports.ts';
export { LaneClock, RootLane, cpuMs } from './lanes/lane-clock.ts';
export { LaneBalance } from './lanes/lane-balance.ts';
export { LaneHunger } from './lanes/lane-hunger.ts';
export { LaneWorth } from './lanes/lane-worth.ts';
export { LaneRouter } from './lanes/lane-router.ts';
export { LONG_MS, describeVerdict, withHand, type Hand, type Verdict } from './lanes/verdict.ts';
export * from './levels.ts';
export { charge, join, refund, type Share } from './stride.ts';
export * from './moments.ts';
export { ResourceGate, type Reservation } from './resource-gate.ts';
export { Recorder } from './recorder.ts';
export { Continuation, Root, Roots, type Entry, type Ready, type Runnable } from './run-queues.ts';
export { LocalCredits, WindowGate, type Credits } from './window-gate.ts';
export { Runtime } from './runtime.ts';
export { LANES, MEASURE, TYPELESS, type DeadlockToBreak, type LaneMessage, type Overrun, type RuntimeStart } from './runtime-messages.ts';
export { Scheduler } from './scheduler.ts';
export { DIRECT, directOf, setDirect, SUSPENDED } from './suspended.ts';
export { SharedBufferTable } from './shared-buffers.ts';
export { whereOf, type DeadlockedThread, type DeadlockReport } from './deadlock.ts';
export type { ListedThread, ThreadInfo } from './thread-list.ts';
export { breakWait, reportWaits, type ReportedWait, type WaitReport } from './wait-report.ts';
export { LocalThread, type CurrentThread, type Thread, type ThreadStatus } from './thread.ts';
export type { Plugin, WorkerStart } from './worker-main.ts';
