import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentile, summarise } from '../../../packages/bench/src/load/percentiles.ts';

const upTo = (count: number): Float64Array => Float64Array.from({ length: count }, (_, index) => index + 1);

describe('a percentile', () => {
  it('is the nearest rank', () => {
    expect(percentile(upTo(100), 0.5)).toBe(50);
    expect(percentile(upTo(100), 0.99)).toBe(99);
    expect(percentile(upTo(1_000), 0.999)).toBe(999);
    expect(percentile(upTo(3), 0.5)).toBe(2);
    expect(percentile(upTo(1), 0.01)).toBe(1);
    expect(percentile(upTo(10), 1)).toBe(10);
  });

  it('is a sample that at least that share does not exceed, and no smaller one is', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 1000 }), (samples, thousandths) => {
      const value = percentile(Float64Array.from(samples).toSorted(), thousandths / 1000);
      const atMost = (bound: number): number => samples.filter((sample) => sample <= bound).length * 1000;
      expect(samples).toContain(value);
      expect(atMost(value)).toBeGreaterThanOrEqual(thousandths * samples.length);
      expect(atMost(value - 1)).toBeLessThan(thousandths * samples.length);
    }));
  });

  it('does not exist without samples', () => {
    expect(() => percentile(upTo(0), 0.5)).toThrow(RangeError);
  });
});

describe('a summary', () => {
  it('does not need its samples sorted, nor sorts them', () => {
    const samples = [5, 1, 4, 2, 3];
    expect(summarise(samples)).toMatchObject({ count: 5, mean: 3, p50: 3, p99: 5, max: 5 });
    expect(samples).toEqual([5, 1, 4, 2, 3]);
  });

  it('of nothing is nothing', () => {
    expect(summarise([])).toMatchObject({ count: 0, p50: 0, max: 0 });
  });
});
