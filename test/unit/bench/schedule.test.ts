import { describe, expect, it } from 'vitest';
import { makeSchedule, seededRandom } from '../../../packages/bench/src/load/schedule.ts';

const plan = { seed: 7, ratePerSecond: 1_000, seconds: 20, arrivals: 'poisson' as const, weights: [1, 3] };

describe('a schedule', () => {
  it('is the same for the same seed and another for another', () => {
    expect(makeSchedule(plan)).toEqual(makeSchedule(plan));
    expect(makeSchedule({ ...plan, seed: 8 }).atUs).not.toEqual(makeSchedule(plan).atUs);
  });

  it('is in order and within its time', () => {
    const { atUs } = makeSchedule(plan);
    expect(atUs.every((at, index) => at >= (atUs[index - 1] ?? 0) && at < 20e6)).toBe(true);
  });

  it('spaces even arrivals evenly', () => {
    const { atUs } = makeSchedule({ ...plan, ratePerSecond: 4, seconds: 1, arrivals: 'even' });
    expect([...atUs]).toEqual([125_000, 375_000, 625_000, 875_000]);
  });

  it('has gaps of a Poisson process: mean and deviation are equal', () => {
    const { atUs } = makeSchedule(plan);
    const gaps = [...atUs].map((at, index) => at - (atUs[index - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean / 1_000).toBeCloseTo(1, 1);
    expect(deviation / mean).toBeCloseTo(1, 1);
  });

  it('picks requests by their weights', () => {
    const { request } = makeSchedule({ ...plan, weights: [1, 0, 3] });
    const share = (index: number): number => request.filter((one) => one === index).length / request.length;
    expect(share(0)).toBeCloseTo(0.25, 1);
    expect(share(1)).toBe(0);
    expect(share(2)).toBeCloseTo(0.75, 1);
  });

  it('refuses what has no end or no request', () => {
    expect(() => makeSchedule({ ...plan, ratePerSecond: 1e6, seconds: 60 })).toThrow(RangeError);
    expect(() => makeSchedule({ ...plan, seconds: 0 })).toThrow(RangeError);
    expect(() => makeSchedule({ ...plan, weights: [0, 0] })).toThrow(RangeError);
  });
});

describe('seeded numbers', () => {
  it('lie in [0, 1) and are spread evenly', () => {
    const random = seededRandom(1);
    const numbers = Array.from({ length: 10_000 }, random);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(numbers.reduce((sum, number) => sum + number, 0) / numbers.length).toBeCloseTo(0.5, 1);
  });
});
