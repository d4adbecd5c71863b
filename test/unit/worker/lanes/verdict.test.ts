/** The verdict on a root: a pure function of what its segments took. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { LONG_MS, PLAIN_MS, RETURN_RUN, afterSegment, describeVerdict, isBack, isClean, pinned, withHand } from '../../../../packages/worker/src/lanes/verdict.ts';

const after = (word: number, ...segments: number[]): number => segments.reduce(afterSegment, word);
const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

describe('a root goes to the back', () => {
  test('after one segment that is plainly long', () => {
    assert.equal(isBack(after(0, PLAIN_MS)), true);
    assert.equal(isBack(after(0, PLAIN_MS - 0.01)), false);
  });
  test('after two long ones of eight, whatever lies between them', () => {
    assert.equal(isBack(after(0, LONG_MS + 0.1, ...times(6, 0.1), LONG_MS + 0.1)), true);
    assert.equal(isBack(after(0, LONG_MS + 0.1, ...times(7, 0.1), LONG_MS + 0.1)), false, 'the first is forgotten');
  });
  test('not for segments of exactly the limit', () => { assert.equal(isBack(after(0, ...times(100, LONG_MS))), false); });
});

describe('a root comes back', () => {
  test('after a run of short segments, not one fewer', () => {
    const back = after(0, 20);
    assert.equal(isBack(after(back, ...times(RETURN_RUN - 1, 0.1))), true);
    assert.equal(isBack(after(back, ...times(RETURN_RUN, 0.1))), false);
  });
  test('not while its segments are neither short nor long', () => { assert.equal(isBack(after(0, 20, ...times(10_000, LONG_MS * 0.7))), true); });
  test('later each time: twice as many short ones as the time before', () => {
    let word = 0;
    for (let round = 0; round < 7; round++) {
      word = after(word, 20, ...times(RETURN_RUN * 2 ** Math.min(round, 5) - 1, 0.1));
      assert.equal(isBack(word), true, `round ${round}`);
      word = after(word, 0.1);
      assert.equal(isBack(word), false, `round ${round}`);
      assert.equal(describeVerdict(word).returns, Math.min(round + 1, 5), 'five times at most');
    }
  });
  test('so a root that is long once in a hundred changes its lane seldom', () => {
    let word = 0;
    let changes = 0;
    for (let k = 0; k < 100_000; k++) {
      const next = afterSegment(word, k % 100 === 0 ? 15 : 0.1);
      if (isBack(next) !== isBack(word)) changes++;
      word = next;
    }
    assert.ok(changes <= 4, `${changes} changes`);
  });
});

describe('what people say goes before what was measured', () => {
  test('front, back, and auto again', () => {
    const long = after(0, 20);
    assert.deepEqual(describeVerdict(withHand(long, 'front')), { lane: 'front', by: 'hand', long: 1, returns: 0 });
    assert.deepEqual(describeVerdict(withHand(0, 'back')), { lane: 'back', by: 'hand', long: 0, returns: 0 });
    assert.equal(withHand(withHand(long, 'front'), 'auto'), long);
  });
  test('a root that cannot be moved stays in front, unless somebody says back', () => {
    assert.deepEqual(describeVerdict(pinned(after(0, 20))), { lane: 'front', by: 'pinned', long: 1, returns: 0 });
    assert.equal(isBack(withHand(pinned(0), 'back')), true);
    assert.equal(isBack(after(pinned(0), ...times(8, 20))), false);
  });
  test('and is kept when the measured verdict changes', () => {
    const segment = fc.oneof(fc.constant(0.1), fc.constant(LONG_MS * 0.7), fc.constant(LONG_MS * 1.5), fc.constant(20));
    fc.assert(fc.property(fc.array(segment, { maxLength: 400 }), (segments) => {
      const word = after(withHand(pinned(0), 'front'), ...segments);
      assert.equal(isBack(word), false);
      assert.equal(describeVerdict(withHand(word, 'auto')).by, 'pinned');
    }));
  });
});

test('a verdict is a word of 32 bits whatever is measured', () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 300 }), (segments) => {
    const word = after(0, ...segments);
    assert.equal(word | 0, word);
    assert.ok(word >= 0);
  }));
  assert.equal(isClean(0), true);
  assert.equal(isClean(after(0, LONG_MS + 1)), false);
});
