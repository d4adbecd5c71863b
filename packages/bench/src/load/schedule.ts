// When each request starts and which one it is: pure, and a function of the seed alone, so that every contender meets the
// same arrivals.

export interface ScheduleOptions {
  seed: number;
  ratePerSecond: number;
  seconds: number;
  arrivals: 'poisson' | 'even';
  /** Relative share of each distinct request; at least one above 0. */
  weights: readonly number[];
}

export interface Schedule {
  /** Intended starts, microseconds from the beginning of the run, ascending. */
  atUs: Float64Array;
  /** Which distinct request starts then. */
  request: Uint32Array;
}

/** No run has more arrivals than this, whatever the plan says. */
export const arrivalsMax = 500_000;

export function makeSchedule({ seed, ratePerSecond, seconds, arrivals, weights }: ScheduleOptions): Schedule {
  if (!(ratePerSecond > 0) || !(seconds > 0)) throw new RangeError(`rate and seconds are above 0: ${ratePerSecond} and ${seconds}`);
  if (ratePerSecond * seconds > arrivalsMax) throw new RangeError(`${ratePerSecond}/s for ${seconds} s is more than ${arrivalsMax} requests`);
  const random = seededRandom(seed);
  const pick = weightedPick(weights);
  const endUs = seconds * 1e6;
  const meanGapUs = 1e6 / ratePerSecond;
  const atUs: number[] = [];
  const request: number[] = [];
  // Half a gap in, so that even arrivals number exactly rate times seconds.
  let at = arrivals === 'even' ? meanGapUs / 2 : -Math.log1p(-random()) * meanGapUs;
  while (at < endUs && atUs.length < arrivalsMax) {
    atUs.push(at);
    request.push(pick(random()));
    at += arrivals === 'even' ? meanGapUs : -Math.log1p(-random()) * meanGapUs;
  }
  return { atUs: Float64Array.from(atUs), request: Uint32Array.from(request) };
}

/** Schedules one after the other, their requests numbered in the same order. */
export function inTurn(parts: readonly { schedule: Schedule; seconds: number; requests: number }[]): Schedule {
  const atUs: number[] = [];
  const request: number[] = [];
  let [startUs, first] = [0, 0];
  for (const { schedule, seconds, requests } of parts) {
    for (const [k, at] of schedule.atUs.entries()) { atUs.push(startUs + at); request.push(first + (schedule.request[k] as number)); }
    startUs += seconds * 1e6;
    first += requests;
  }
  return { atUs: Float64Array.from(atUs), request: Uint32Array.from(request) };
}

/** Numbers in [0, 1) that a 32-bit seed fixes. Source: mulberry32, Tommy Ettinger, 2017 (public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Maps a number in [0, 1) to an index, each index as often as its weight says. */
function weightedPick(weights: readonly number[]): (random: number) => number {
  const sums: number[] = [];
  let total = 0;
  for (const weight of weights) sums.push((total += weight));
  if (!(total > 0)) throw new RangeError('no request has a weight above 0');
  return (random) => {
    const target = random * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? total) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
