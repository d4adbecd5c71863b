import { describe, expect, it } from 'vitest';
import { formatCounts, formatMs, formatRoutes, formatTable } from '../../../packages/bench/src/load/report.ts';
import { summarise } from '../../../packages/bench/src/load/percentiles.ts';

describe('a table', () => {
  it('lines its columns up', () => {
    expect(formatTable(['name', 'n'], [['a', '1'], ['longer', '1000']]).split('\n')).toEqual([
      'name       n',
      '──────  ────',
      'a          1',
      'longer  1000',
    ]);
  });

  it('shows no percentile that its samples cannot tell', () => {
    const row = (samples: number): string => formatRoutes([{ route: 'r', sent: samples, right: samples, wrong: {}, failed: {}, rightByTenth: [], refusedUs: summarise([]), latencyUs: summarise(Array.from({ length: samples }, () => 1_000)) }], 1).split('\n')[2] ?? '';
    expect(row(99).match(/–/g)).toHaveLength(2);
    expect(row(100).match(/–/g)).toHaveLength(1);
    expect(row(1_000)).not.toContain('–');
  });
});

describe('numbers', () => {
  it('keep three figures', () => {
    expect([0.1234, 1.234, 12.34, 123.4].map(formatMs)).toEqual(['0.12', '1.23', '12.3', '123']);
  });

  it('say what kind they count', () => {
    expect(formatCounts({})).toBe('0');
    expect(formatCounts({ timeout: 2, reset: 1 })).toBe('3 (timeout 2, reset 1)');
  });
});
