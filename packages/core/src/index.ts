/**
 * capriccio: user-level threads on every core. What users install. Way in: create-pool.ts.
 */
export { CapriccioError, isCapriccioError, type ErrorCode } from '@capriccio/shared';
export type {
  ContextCodec, CurrentThread, Reacquired, SharedBarrier, SharedChannel, SharedChannelOptions, SharedCondition, SharedGuard, SharedMutex, SharedRwLock,
  SharedSemaphore, SharedSemaphoreOptions, SharedSendOptions, SharedWaitOptions, Thread, ThreadStatus, DeadlockedThread, DeadlockReport, ThreadInfo,
} from '@capriccio/worker';
export { defineConfig, type CapriccioConfig } from './config.ts';
export type { FunctionHistograms } from './admin/call-book.ts';
export { createPool } from './create-pool.ts';
export type { ActivationEvent, ActivationStats } from './crew.ts';
export type { Lane, Pattern, PoolOptions, WithOptions } from './options.ts';
export type { LaneStats } from './lanes/back-lanes.ts';
export type { CloseOptions, Pool } from './pool.ts';
export type { PoolEvents } from './pool-events.ts';
export type { Health, PoolStats, WorkerStats } from './pool-stats.ts';
export type { Remote, RemoteFunction, RemoteGenerator } from './remote.ts';
export type { PoolThread } from './hanging.ts';
export type { PoolServer } from './serve/pool-server.ts';
export type { BlockingGraph, Figures, GraphData, GraphDecision, GraphEdge, GraphNode, GraphResource, GraphRoot } from './graph.ts';
export type { Expired } from './expired-book.ts';
export type { Overload } from './shed-book.ts';
export type { RouteOptions, ServeOptions } from './serve/serve-options.ts';
