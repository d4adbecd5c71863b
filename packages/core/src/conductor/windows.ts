/**
 * How many threads may be at a downstream node at a time. Its capacity is not told: throughput is measured at the windows that were tried, smoothed in
 * bins a fifth apart, and the window goes to the smallest bin that gives 95 % of the best (more only waits), looking at its neighbours now and then. Where
 * nobody has to wait there is no need of a limit, and the window stays above what is used.
 *
 * The simpler climbs fail: comparing the last two readings is misled by noise, and latency against its minimum (Vegas) does not see a collapse
 * (0.69 and 0.23 of the best throughput on some stations, bins 0.93 and more: docs/decisions/0014-scheduling.md). Pure.
 */

/** A window that was tried: smoothed throughput, how often it was read, when last. */
interface Bin { readonly perMs: number; readonly readings: number; readonly atMs: number }

export interface WindowState {
  readonly window: number;
  readonly bins: ReadonlyMap<number, Bin>;
  /** Readings running that were far off what their bin promised. */
  readonly surprises: number;
}

/** One period of observation. */
export interface WindowReading {
  readonly atMs: number;
  /** Threads that came back, per millisecond. */
  readonly perMs: number;
  /** Mean number of threads that were there. */
  readonly concurrency: number;
  /** Somebody had to wait. */
  readonly isSaturated: boolean;
}

/** Shortest sound reading: so many came back, or so long has passed, ms. */
export const READING_MIN = 24;
export const READING_MS_MAX = 500;

const START = 16;
const MIN = 2;
const MAX = 4096;
const STEP = 1.2;
const KNEE = 0.95;
const SMOOTHING = 0.3;
/** A neighbour that was not seen for so long is tried again; a bin that was not seen for so long is forgotten; ms. */
const REVISIT_MS = 1500;
const FORGET_MS = 3000;
const SURPRISE = 0.35;
const SURPRISES = 2;
/** Largest change in a step, bins. */
const STRIDE = 2;

export const firstWindow: WindowState = { window: START, bins: new Map(), surprises: 0 };

const clamp = (window: number): number => Math.max(MIN, Math.min(MAX, window));

export function climb(state: WindowState, reading: WindowReading): WindowState {
  const { atMs, perMs, concurrency, isSaturated } = reading;
  if (!isSaturated) return { ...state, window: clamp(Math.max(state.window, concurrency * 1.5)) };
  const here = Math.round(Math.log(state.window) / Math.log(STEP));
  const before = state.bins.get(here);
  const isSurprise = before !== undefined && before.readings >= SURPRISES && Math.abs(perMs - smooth(before, perMs)) > SURPRISE * smooth(before, perMs);
  const surprises = isSurprise ? state.surprises + 1 : 0;
  if (surprises >= SURPRISES) return move(here, new Map([[here, { perMs, readings: 1, atMs }]]), atMs, 0);   // the world has changed
  const bins = new Map([...state.bins].filter(([bin, { atMs: seen }]) => bin === here || atMs - seen <= FORGET_MS));
  bins.set(here, { perMs: before === undefined ? perMs : smooth(before, perMs), readings: (before?.readings ?? 0) + 1, atMs });
  return move(here, bins, atMs, surprises);
}

const smooth = ({ perMs, readings }: Bin, fresh: number): number => perMs + (fresh - perMs) * Math.max(SMOOTHING, 1 / (readings + 1));

/** Towards the knee of what is known, or to look beside it. */
function move(here: number, bins: ReadonlyMap<number, Bin>, atMs: number, surprises: number): WindowState {
  const best = Math.max(...[...bins.values()].map(({ perMs }) => perMs));
  const knee = Math.min(...[...bins].filter(([, { perMs }]) => perMs >= KNEE * best).map(([bin]) => bin));
  const isStale = (bin: number): boolean => atMs - (bins.get(bin)?.atMs ?? -Infinity) > REVISIT_MS;
  let target = isStale(knee - 1) ? knee - 1 : isStale(knee + 1) ? knee + 1 : knee;
  if (Math.abs(here - knee) > 1) target = here + Math.max(-STRIDE, Math.min(STRIDE, knee - here));
  return { window: clamp(STEP ** target), bins, surprises };
}
