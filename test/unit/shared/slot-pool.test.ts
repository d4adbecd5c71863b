import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { SLOTS_TOUCHED, SlotPool, controlOf, regionOf, slots, slotsInUse } from '@capriccio/shared';
import { arena } from './arena.ts';

test('any program of allocations and releases gives each slot to one holder at a time, and none is lost', () => {
  fc.assert(fc.property(fc.array(fc.nat(99), { maxLength: 200 }), (program) => {
    const memory = arena();
    const pool = new SlotPool(memory, 1);
    const held: number[] = [];
    for (const step of program) {
      if (step < 60) {
        const slot = pool.allocate();
        assert.equal(slot === 0, held.length === 16);
        if (slot === 0) continue;
        assert.ok(!held.includes(slot));
        assert.equal(slots.stateOf(slots.loadState(memory.words, slot)), slots.FREE);
        slots.makeReady(memory.words, slot);
        held.push(slot);
      } else if (held.length > 0) {
        const slot = held.splice(step % held.length, 1)[0] as number;
        if (step % 2 === 0) pool.release(slot);
        else { assert.equal(slots.cancel(memory.words, slot), 'withdrawn'); pool.recycle(slot); }
      }
      assert.equal(pool.available, 16 - held.length);
      assert.equal(slotsInUse(memory, 1), held.length);
    }
  }), { numRuns: 100 });
});

test('slots lie in the region of their owner, a cache line each, and have dense numbers', () => {
  const memory = arena();
  const pool = new SlotPool(memory, 2);
  const first = regionOf(memory.layout, 2);
  for (let k = 0; k < 16; k++) {
    const slot = pool.allocate();
    assert.equal(slot, first + 16 * k);
    assert.equal(slot * 4 % 64, 0);
    assert.equal(pool.numberOf(slot), k);
    assert.equal(pool.slotOf(k), slot);
  }
});

test('slots that were never needed are never touched, and the count of the touched is there before the slot is', () => {
  const memory = arena();
  const pool = new SlotPool(memory, 1);
  const touched = (): number => Atomics.load(memory.words, controlOf(memory.layout, 1) + SLOTS_TOUCHED);
  for (let k = 0; k < 100; k++) pool.release(pool.allocate());
  assert.deepEqual([pool.touched, touched()], [1, 1]);
  pool.allocate();
  pool.allocate();
  assert.deepEqual([pool.touched, touched()], [2, 2]);
});

test('every reuse is a new generation: a stale handle finds another word', () => {
  const memory = arena();
  const pool = new SlotPool(memory, 1);
  const generations = Array.from({ length: 5 }, () => {
    const slot = pool.allocate();
    const generation = slots.generationOf(slots.loadState(memory.words, slot));
    pool.release(slot);
    return generation;
  });
  assert.deepEqual(generations, [0, 1, 2, 3, 4]);
});
