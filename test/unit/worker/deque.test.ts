import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { Deque } from '../../../packages/worker/src/deque.ts';

const command = fc.oneof(
  { weight: 4, arbitrary: fc.constant('push' as const) },
  fc.constantFrom('shift' as const, 'pop' as const, 'unshift' as const),
);

test('any program of pushes and takes at both ends gives what an array gives', () => {
  fc.assert(fc.property(fc.array(command, { maxLength: 400 }), (program) => {
    const deque = new Deque<number>();
    const model: number[] = [];
    let next = 0;
    for (const step of program) {
      switch (step) {
        case 'push': deque.push(next); model.push(next++); break;
        case 'unshift': deque.unshift(next); model.unshift(next++); break;
        case 'shift': assert.equal(deque.shift(), model.shift()); break;
        case 'pop': assert.equal(deque.pop(), model.pop()); break;
        default: throw new Error(`unknown step ${String(step)}`);
      }
      assert.equal(deque.length, model.length);
      assert.equal(deque.first, model[0]);
    }
    assert.deepEqual(Array.from({ length: model.length }, () => deque.shift()), model);
  }), { numRuns: 300 });
});

test('it grows in order when its cells are wrapped round', () => {
  const deque = new Deque<number>();
  for (let k = 0; k < 10; k++) deque.push(k);
  for (let k = 0; k < 10; k++) deque.shift();
  for (let k = 0; k < 100; k++) deque.push(k);
  assert.deepEqual(Array.from({ length: 100 }, () => deque.shift()), Array.from({ length: 100 }, (_, k) => k));
});

test('an empty one has nothing at either end', () => {
  const deque = new Deque<string>();
  assert.deepEqual([deque.length, deque.first, deque.shift(), deque.pop()], [0, undefined, undefined, undefined]);
});

test('what has been taken is not kept alive', async () => {
  const deque = new Deque<object>();
  const refs = ['shift', 'pop'].map((end) => {
    const item = {};
    deque.push(item);
    if (end === 'shift') deque.shift(); else deque.pop();
    return new WeakRef(item);
  });
  await new Promise((resolve) => { setTimeout(resolve, 0); });
  (globalThis as { gc?: () => void }).gc?.();
  assert.deepEqual(refs.map((ref) => ref.deref()), [undefined, undefined]);
});

test('after a burst it is as it was', () => {
  const deque = new Deque<number>();
  for (let round = 0; round < 3; round++) {
    for (let k = 0; k < 10_000; k++) deque.push(k);
    for (let k = 0; k < 10_000; k++) assert.equal(deque.shift(), k);
    assert.equal(deque.shift(), undefined);
    deque.unshift(1);
    assert.deepEqual([deque.length, deque.pop()], [1, 1]);
  }
});
