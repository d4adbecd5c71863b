/**
 * Thrashing: more threads hold a resource, and less gets done. No limit tells of it beforehand, only that throughput falls while concurrency rises
 * and edges take times that differ more and more. The net beneath forecasts and windows: it lowers the mark of the resource at once, and gives it back
 * slowly. Pure.
 * Source: the thrashing that Capriccio (SOSP 2003, section 4.2) names as hard to see, and variance as its sign.
 */

export interface ThrashReading {
  /** Threads that have started and not ended. */
  readonly concurrency: number;
  /** Threads that ended, per ms. */
  readonly perMs: number;
  /** Variance of the times of edges over the square of their mean. */
  readonly dispersion: number;
  /** Part of the limit in use. */
  readonly use: number;
}

export interface ThrashState { readonly mark: number; readonly recent: readonly ThrashReading[]; readonly isThrashing: boolean }

const MARK = 0.85;
const MARK_MIN = 0.3;
/** A reading is against the one so many before it. */
const SPAN = 3;
const RISE = 1.2;
const FALL = 0.95;
const SPREAD = 2;
const CUT = 0.1;
const RECOVERY = 0.02;
/** Below this use of its limit a resource is not what makes work slow. */
const USE_MIN = 0.5;

export const calm: ThrashState = { mark: MARK, recent: [], isThrashing: false };

export function watch(state: ThrashState, reading: ThrashReading): ThrashState {
  const recent = [...state.recent, reading].slice(-SPAN - 1);
  const first = recent[0] as ThrashReading;
  const isThrashing = recent.length > SPAN && reading.use >= USE_MIN
    && reading.concurrency >= RISE * first.concurrency && reading.perMs <= FALL * first.perMs && reading.dispersion >= SPREAD * first.dispersion;
  const mark = isThrashing ? Math.max(MARK_MIN, state.mark - CUT) : Math.min(MARK, state.mark + RECOVERY);
  return { mark, recent: isThrashing ? [] : recent, isThrashing };
}
