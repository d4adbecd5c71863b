/**
 * When the blocking graph may be left alone for a while: nothing waits to begin, nobody is outside, no resource is near its limit, no two roots compete, no
 * decision is in force, all is known already, and as much begins as before. Then what the conductor would decide is what it has decided. It sees so by a few
 * sums of each worker (the heads of their tables) each 50 ms, and as soon as one of them says otherwise it looks at everything, as if it had never paused. Pure.
 */

/** What the heads of the tables say, all workers together. */
export interface Sums {
  /** Tables, and rows of all of them. */
  readonly tables: number;
  readonly rows: number;
  /** Tasks that have not begun; those that have, ever. */
  readonly queued: number;
  readonly started: number;
  /** Threads that are at what is outside, or wait before it. */
  readonly outside: number;
  /** Most roots that have something to run on one worker. */
  readonly competing: number;
  /** Part of its limit that is used of the resource that has least left; 0 where none has a limit. */
  readonly use: number;
}

/** The last look at everything. */
export interface Looked {
  readonly atMs: number;
  readonly sums: Sums;
  /** Tasks that began a millisecond, until then. */
  readonly startedPerMs: number;
  /** Something was held back or preferred. */
  readonly isDeciding: boolean;
}

/** Longest time between two looks at everything, ms: it is also that between two reports. */
export const QUIET_MS = 250;
/** Of a resource: thrashing is looked for from here on (thrash.ts). */
const USE_MAX = 0.5;
/** As much begins as before while it is within this factor, or within so many. */
const RATE_FACTOR = 1.5;
const STARTED_MIN = 16;

export function isQuiet(nowMs: number, now: Sums, { atMs, sums, startedPerMs, isDeciding }: Looked): boolean {
  if (isDeciding || nowMs - atMs >= QUIET_MS || now.queued > 0 || now.outside > 0 || now.competing > 1 || now.use >= USE_MAX) return false;
  if (now.tables !== sums.tables || now.rows !== sums.rows) return false;
  const started = now.started - sums.started;
  const expected = startedPerMs * (nowMs - atMs);
  return Math.abs(started - expected) <= STARTED_MIN || (started <= expected * RATE_FACTOR && started * RATE_FACTOR >= expected);
}

/** @param before  undefined: the first */
export function lookedAt(atMs: number, sums: Sums, before: Looked | undefined, isDeciding: boolean): Looked {
  const ms = atMs - (before?.atMs ?? atMs);
  return { atMs, sums, isDeciding, startedPerMs: before !== undefined && ms > 0 ? Math.max(0, sums.started - before.sums.started) / ms : 0 };
}
