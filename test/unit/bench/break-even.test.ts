import assert from 'node:assert/strict';
import { test } from 'vitest';
import { breakEven, showBreakEven, type Sample } from '../../../packages/bench/src/peers/break-even.ts';

/** In place a task takes its length; elsewhere half of it, and `overhead`. */
const samples = (overhead: number): Sample[] => [1, 10, 100, 1000].map((us) => ({ us, inPlace: us, other: us / 2 + overhead }));

test('the break-even lies between the last length that loses and the first that gains', () => {
  const found = breakEven(samples(20));
  assert.ok(found > 10 && found < 100, String(found));
  const close = breakEven([{ us: 39, inPlace: 39, other: 39.5 }, { us: 41, inPlace: 41, other: 40.5 }]);
  assert.ok(Math.abs(close - 40) < 0.1, String(close));
});

test('a gain that is lost again is none', () => {
  assert.equal(breakEven([{ us: 1, inPlace: 1, other: 0.5 }, { us: 10, inPlace: 10, other: 11 }]), Infinity);
});

test('always and never are said in words', () => {
  const [always, never] = [samples(0), samples(10_000)];
  assert.equal(showBreakEven(breakEven(always), always), '< 1 us');
  assert.equal(showBreakEven(breakEven(never), never), '> 1 ms');
  assert.equal(showBreakEven(1234, always), '1.2 ms');
});

test('what is no time is refused', () => {
  assert.throws(() => breakEven([]), RangeError);
  assert.throws(() => breakEven([{ us: 1, inPlace: Number.NaN, other: 1 }]), RangeError);
});
