/** Shares by which the overload bench, and the simulator, measure routes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { maxMinShares } from '../../../packages/bench/src/servers/max-min.ts';

test('who asks for less than an equal part gets it, and the others share what is left', () => {
  assert.deepEqual(maxMinShares([1, 8, 3, 8], 12), [1, 4, 3, 4]);
  assert.deepEqual(maxMinShares([1, 2], 12), [1, 2]);
  assert.deepEqual(maxMinShares([Infinity, 2, Infinity], 12), [5, 2, 5]);
  assert.deepEqual(maxMinShares([], 12), []);
});

test('nobody has more than he asks for; all together what there is or what is asked for; who has less than he asks for has as much as anybody', () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 12 }), fc.double({ min: 0.001, max: 1e6, noNaN: true }), (demands, capacity) => {
    const shares = maxMinShares(demands, capacity);
    const most = Math.max(...shares);
    const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, capacity);
    assert.ok(shares.every((share, k) => share <= (demands[k] as number) && (share === demands[k] || near(share, most))));
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    assert.ok(near(sum(shares), Math.min(capacity, sum(demands))));
  }));
});
