// What the driver sends to the load generator, and what comes back. Plain data: it crosses a process boundary.
import type { Summary } from './percentiles.ts';

/** One distinct request, and the answer that is right for it. */
export interface PlannedRequest {
  /** The row it is counted in. */
  route: string;
  /** Its share of the arrivals, relative to the other requests'. */
  weight: number;
  method: 'GET' | 'HEAD' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  status: number;
  /** `bodyHash` of the right answer's body. */
  bodyHash: string;
}

/** All connections lead to the first so many isolates that have answered `path`, which tells them apart. */
export interface Gathering { path: string; groups: number }

/** A part of a run, after the one before it: other arrivals, other requests. */
export interface Phase { seconds: number; ratePerSecond: number; requests: PlannedRequest[] }

export interface LoadPlan {
  host: string;
  port: number;
  seed: number;
  ratePerSecond: number;
  seconds: number;
  arrivals: 'poisson' | 'even';
  /** A request not answered this long after its intended start has failed. */
  timeoutMs: number;
  /** Opened before the first arrival, and at most in all. */
  connections: { initial: number; max: number };
  requests: PlannedRequest[];
  gathering?: Gathering;
  /** What follows the first `seconds`. */
  phases?: Phase[];
}

export interface RouteResult {
  route: string;
  sent: number;
  right: number;
  /** Answered, with another status or body than the right one; by kind. */
  wrong: Record<string, number>;
  /** Not answered, or refused (5xx); by kind: `timeout`, `reset`, `status 503`, … */
  failed: Record<string, number>;
  /** Microseconds from the intended start to the last byte, right answers and time-outs. */
  latencyUs: Summary;
  /** The same of answers 503. */
  refusedUs: Summary;
  /** Right answers by the tenth of a second in which they came, from the first intended start. */
  rightByTenth: number[];
}

export interface LoadResult {
  routes: RouteResult[];
  /** All routes together. */
  total: RouteResult;
  /** From the first intended start to the last answer. */
  wallSeconds: number;
  /** How far behind the schedule the generator itself sent: microseconds. */
  lateUs: Summary;
  /** CPU used by the generator's own process. */
  cpuUs: number;
  connectionsMax: number;
}

export interface LoadProgress { elapsedSeconds: number; seconds: number; sent: number; answered: number; failed: number; inFlight: number }

export type ToGenerator = { type: 'run'; plan: LoadPlan } | { type: 'stop' };
export type FromGenerator =
  | { type: 'ready' }
  | { type: 'progress'; progress: LoadProgress }
  | { type: 'result'; result: LoadResult }
  | { type: 'failed'; message: string };
