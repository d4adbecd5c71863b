/**
 * When the blocking graph may be left alone for a while: nothing waits to begin, hardly anybody is outside, no resource is near its limit, no two roots compete, no
 * decision is in force, all is known already, and as much begins as before. Then what the conductor would decide is what it has decided. It sees so by a few
 * sums of each worker (the heads of their tables) each 50 ms, and as soon as one of them says otherwise it looks at everything and decides, as if it had never
 * paused. Pure.
 */
import { CROWD } from './decide.ts';
import type { Plan } from './snapshot.ts';

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

/** The last look at the tables. */
export interface Looked {
  readonly atMs: number;
  readonly sums: Sums;
  /** Tasks that began a millisecond, until then. */
  readonly startedPerMs: number;
  /** The last that was followed by decisions. */
  readonly decidedAtMs: number;
  /** Something was held back or preferred. */
  readonly isDeciding: boolean;
  /** A node has a window: each worker's part of it goes by who is there now. */
  readonly hasWindow: boolean;
}

/** Longest time between two looks at the tables, ms: it is also that between two reports. And between two decisions. */
export const QUIET_MS = 250;
export const DECIDE_MS = 1000;
/** Of a resource: thrashing is looked for from here on (thrash.ts). */
const USE_MAX = 0.5;
/** As much begins as before while it is within this factor, or within so many. */
const RATE_FACTOR = 1.5;
const STARTED_MIN = 16;

/** What is due: `nothing`, to `look` at all tables and report what is there, or to `decide` too. */
export type Due = 'nothing' | 'look' | 'decide';

export function dueAt(nowMs: number, now: Sums, looked: Looked): Due {
  if (nowMs - looked.decidedAtMs >= DECIDE_MS || !isQuiet(nowMs, now, looked)) return 'decide';
  return nowMs - looked.atMs >= QUIET_MS ? 'look' : 'nothing';
}

function isQuiet(nowMs: number, now: Sums, { atMs, sums, startedPerMs, isDeciding, hasWindow }: Looked): boolean {
  if (isDeciding || now.queued > 0 || now.outside >= (hasWindow ? 1 : CROWD) || now.competing > 1 || now.use >= USE_MAX) return false;
  if (now.tables !== sums.tables || now.rows !== sums.rows) return false;
  const started = now.started - sums.started;
  const expected = startedPerMs * (nowMs - atMs);
  return Math.abs(started - expected) <= STARTED_MIN || (started <= expected * RATE_FACTOR && started * RATE_FACTOR >= expected);
}

/** After a look. @param before  undefined: it is the first; @param plan  what was decided; undefined: nothing new */
export function lookedAt(atMs: number, sums: Sums, before: Looked | undefined, plan?: Pick<Plan, 'nodes' | 'decisions'>): Looked {
  const ms = atMs - (before?.atMs ?? atMs);
  const startedPerMs = before !== undefined && ms > 0 ? Math.max(0, sums.started - before.sums.started) / ms : 0;
  const news = { atMs, sums, startedPerMs };
  if (plan === undefined && before !== undefined) return { ...before, ...news };
  return { ...news, decidedAtMs: atMs, isDeciding: (plan?.decisions.length ?? 0) > 0, hasWindow: [...plan?.nodes.values() ?? []].some(({ window }) => window !== undefined) };
}
