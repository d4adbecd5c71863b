/**
 * How many threads may be at a downstream node at a time. Its capacity is not told: throughput is measured at the windows that were tried, smoothed in
 * bins a fifth apart, and the window goes to the smallest bin that gives 95 % of the best (more only waits), looking at its neighbours now and then. Where
 * nobody has to wait there is no need of a limit, and the window stays above what is used; but what is seen then is remembered, so that when far more are
 * there and far fewer come back, the way back is known.
 *
 * The simpler climbs fail: comparing the last two readings is misled by noise, and latency against its minimum (Vegas) does not see a collapse
 * (0.69 and 0.23 of the best throughput on some stations, bins 0.93 and more: docs/decisions/0014-scheduling.md). Pure.
 */

/**
 * What is known of a window: the throughput that its places give while all are taken, smoothed over the readings of when it was tried and others waited; when
 * it was seen last, and tried last. Where hardly more come than fit, some places are free now and then: how many came in half a second is dice, how long one
 * takes is not, and the two give what there would be without gaps (Little's law).
 */
interface Bin { readonly perMs: number; readonly readings: number; readonly atMs: number; readonly triedAtMs: number; /** What it gave when it was new. */ readonly firstPerMs: number }

export interface WindowState {
  readonly window: number;
  readonly bins: ReadonlyMap<number, Bin>;
  /** Readings running that were far off what their bin promised. */
  readonly surprises: number;
  /** The bin that was best after the last reading. */
  readonly knee: number | undefined;
  /** When that was, and how long readings take, smoothed, 0 while there was only one; ms. */
  readonly readAtMs: number;
  readonly readingMs: number;
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
/** Nobody came back for longer, and for what reason there is no telling, ms. */
const READING_MS_LONG = 2000;

const START = 8;
/** Two threads, at the upper end: the bins above differ by whole threads. */
const BIN_MIN = 6;
const STEP = 1.2;
const MIN = STEP ** BIN_MIN;
const MAX = 4096;
const KNEE = 0.95;
const SMOOTHING = 0.3;
/** A neighbour that was not seen for so long is tried again; a bin that was not seen for so long is forgotten; ms, and readings where these take long. */
const REVISIT_MS = 1500;
const REVISIT_READINGS = 6;
const FORGET_MS = 3000;
const FORGET_READINGS = 14;
const SURPRISE = 0.35;
const SURPRISES = 2;
/** Readings in which a bin is new. */
const YOUNG = 3;
/** Without a limit: less than this part of the best comes back, of so many bins more than at the knee. */
const COLLAPSE = 0.6;
const COLLAPSE_BINS = 6;
/** A window of which less is used is not what makes others wait. */
const USED = 0.6;
/** Largest change in a step, bins: back to what is best, and further on where the last look beside found better. */
const STRIDE = 2;

export const firstWindow: WindowState = { window: START, bins: new Map(), surprises: 0, knee: undefined, readAtMs: -Infinity, readingMs: 0 };

const clamp = (window: number): number => Math.max(MIN, Math.min(MAX, window));

export function climb(before: WindowState, seen: WindowReading): WindowState {
  const ms = before.readAtMs === -Infinity ? 0 : Math.min(READING_MS_LONG, seen.atMs - before.readAtMs);
  const readingMs = before.readingMs === 0 ? ms : before.readingMs + (ms - before.readingMs) * SMOOTHING;
  return climbFrom({ ...before, readAtMs: seen.atMs, readingMs }, seen);
}

function climbFrom(state: WindowState, seen: WindowReading): WindowState {
  const places = Math.floor(state.window);
  if (!seen.isSaturated || seen.concurrency < USED * places) return unlimited(state, seen);
  const reading = { ...seen, perMs: seen.perMs * Math.max(1, places / seen.concurrency) };
  const { perMs } = reading;
  const here = binOf(state.window);
  const before = state.bins.get(here);
  const isSurprise = before !== undefined && before.readings >= SURPRISES && Math.abs(perMs - smooth(before, perMs)) > SURPRISE * smooth(before, perMs);
  const surprises = isSurprise ? state.surprises + 1 : 0;
  if (surprises >= SURPRISES) return move(state, here, alone(here, reading), 0);   // the world has changed
  const bins = note(state, here, reading);
  const now = bins.get(here) as Bin;
  const hasDrifted = Math.abs(now.perMs - now.firstPerMs) > SURPRISE * now.firstPerMs;   // too slowly to surprise: what is known of others is as old
  return move(state, here, hasDrifted ? alone(here, { ...reading, perMs: now.perMs }) : bins, surprises);
}

const alone = (here: number, { atMs, perMs }: Pick<WindowReading, 'atMs' | 'perMs'>): ReadonlyMap<number, Bin> => new Map([[here, { perMs, readings: 1, atMs, triedAtMs: atMs, firstPerMs: perMs }]]);
const binOf = (window: number): number => Math.round(Math.log(window) / Math.log(STEP));
/** What is still of use. */
const recent = ({ bins, readAtMs, readingMs }: WindowState): [number, Bin][] => [...bins].filter(([, { atMs }]) => readAtMs - atMs <= Math.max(FORGET_MS, FORGET_READINGS * readingMs));

function note(state: WindowState, here: number, { atMs, perMs }: WindowReading): Map<number, Bin> {
  const bins = new Map(recent(state));
  const before = state.bins.get(here);
  const isTried = before !== undefined && before.readings > 0;
  const smoothed = isTried ? smooth(before, perMs) : perMs;
  return bins.set(here, { perMs: smoothed, readings: (before?.readings ?? 0) + 1, atMs, triedAtMs: atMs, firstPerMs: isTried && before.readings >= YOUNG ? before.firstPerMs : smoothed });
}

/** Nobody had to wait. */
function unlimited(state: WindowState, reading: WindowReading): WindowState {
  const { atMs, perMs, concurrency } = reading;
  const here = binOf(Math.max(MIN, concurrency));
  const bins = new Map(recent(state));
  const before = bins.get(here);
  bins.set(here, { perMs: before === undefined ? perMs : before.perMs + (perMs - before.perMs) * SMOOTHING, readings: before?.readings ?? 0, atMs, triedAtMs: before?.triedAtMs ?? -Infinity, firstPerMs: before?.firstPerMs ?? perMs });
  const { best, knee } = bestOf(bins);
  const hasCollapsed = perMs < COLLAPSE * best && here >= knee + COLLAPSE_BINS;
  if (hasCollapsed) return { ...state, window: clamp(STEP ** knee), bins, surprises: 0, knee };
  return { ...state, window: concurrency <= state.window ? clamp(Math.max(state.window, concurrency * 1.5)) : state.window, bins, surprises: 0, knee };   // more than fit are what was there before
}

/** The best throughput that is known, and the smallest bin that gives nearly as much. */
function bestOf(bins: ReadonlyMap<number, Bin>): { best: number; knee: number } {
  const best = Math.max(...[...bins.values()].map(({ perMs }) => perMs));
  return { best, knee: Math.min(...[...bins].filter(([, { perMs }]) => perMs >= KNEE * best).map(([bin]) => bin)) };
}

const smooth = ({ perMs, readings }: Bin, fresh: number): number => perMs + (fresh - perMs) * Math.max(SMOOTHING, 1 / (readings + 1));

/** Towards the knee of what is known, or to look beside it: first where the last look found better, and further on. */
function move(state: WindowState, here: number, bins: ReadonlyMap<number, Bin>, surprises: number): WindowState {
  const { readAtMs: atMs, readingMs } = state;
  const { knee } = bestOf(bins);
  const isStale = (bin: number): boolean => atMs - (bins.get(bin)?.triedAtMs ?? -Infinity) > Math.max(REVISIT_MS, REVISIT_READINGS * readingMs);
  const moved = knee - (state.knee ?? knee);
  const isFarthest = ![...bins.keys()].some((bin) => (moved < 0 ? bin < knee : bin > knee));
  const below = Math.max(BIN_MIN, knee - (isFarthest && moved < 0 ? STRIDE : 1));
  const above = knee + (isFarthest && moved > 0 ? STRIDE : 1);
  const beside = [...moved > 0 ? [above] : [], ...knee > BIN_MIN ? [below] : [], above].find(isStale) ?? knee;
  const target = Math.abs(here - knee) > 1 ? here + Math.max(-STRIDE, Math.min(STRIDE, knee - here)) : beside;
  return { ...state, window: clamp(STEP ** target), bins, surprises, knee };
}
