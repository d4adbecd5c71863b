import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { BOTTOM, ClaimRing, ClaimRings, LINE, SLOT_WORDS, SlotPool, TOP, controlOf, makeClaims, peek, publishedCount, regionOf, slots, take, waiting, type Memory } from '@capriccio/shared';
import { arena } from './arena.ts';

const OWNER = 1;
const ready = (memory: Memory, pool: SlotPool): number => { const slot = pool.allocate(); if (slot !== 0) slots.makeReady(memory.words, slot); return slot; };
const claimed = (memory: Memory, ring: number, max: number, taker = 2): number[] => {
  const claims = makeClaims(16);
  take(memory, OWNER, ring, taker, max, claims);
  return [...claims.slots.subarray(0, claims.count)];
};

test('hints are seen when they are published, not before, first in first out', () => {
  const memory = arena();
  const [rings, pool] = [new ClaimRings(memory, OWNER), new SlotPool(memory, OWNER)];
  const pushed = Array.from({ length: 5 }, () => ready(memory, pool));
  for (const slot of pushed) rings.push(0, slot);
  assert.equal(waiting(memory, OWNER, 0), 0);
  assert.deepEqual(claimed(memory, 0, 16), []);
  assert.equal(rings.publish(), true);
  assert.equal(rings.publish(), false, 'nothing is new');
  assert.deepEqual([waiting(memory, OWNER, 0), waiting(memory, OWNER, 1), rings.visible(), publishedCount(memory, OWNER)], [5, 0, 5, 5]);
  assert.equal(peek(memory, OWNER, 0), pushed[0]);
  assert.deepEqual(claimed(memory, 0, 2), pushed.slice(0, 2));
  assert.deepEqual(claimed(memory, 0, 16), pushed.slice(2));
  assert.deepEqual([waiting(memory, OWNER, 0), peek(memory, OWNER, 0), rings.visible()], [0, 0, 0]);
});

test('a claim carries the state word that starts the task', () => {
  const memory = arena();
  const [rings, pool] = [new ClaimRings(memory, OWNER), new SlotPool(memory, OWNER)];
  const slot = ready(memory, pool);
  rings.push(1, slot);
  rings.publish();
  const claims = makeClaims(4);
  assert.equal(take(memory, OWNER, 1, 3, 4, claims), 1);
  assert.notEqual(slots.start(memory.words, slot, claims.claimed[0] as number), 0);
});

describe('stale hints', () => {
  test('are passed and counted, and claim nothing', () => {
    const memory = arena();
    const [rings, pool] = [new ClaimRings(memory, OWNER), new SlotPool(memory, OWNER)];
    const [stale, good] = [ready(memory, pool), ready(memory, pool)];
    rings.push(0, stale);
    rings.push(0, good);
    rings.publish();
    slots.cancel(memory.words, stale);
    const claims = makeClaims(4);
    assert.equal(take(memory, OWNER, 0, 2, 4, claims), 2);
    assert.deepEqual([claims.count, claims.slots[0]], [1, good]);
    assert.equal(take(memory, OWNER, 0, 2, 4, claims), 0);
    assert.equal(claims.count, 0, 'what was there before is no claim of this call');
  });

  test('to a slot that is ready again lead to the new task, once', () => {
    const memory = arena();
    const [rings, pool] = [new ClaimRings(memory, OWNER), new SlotPool(memory, OWNER)];
    const slot = ready(memory, pool);
    rings.push(0, slot);
    rings.publish();
    slots.cancel(memory.words, slot);
    pool.recycle(slot);
    assert.equal(ready(memory, pool), slot);
    rings.push(0, slot);
    rings.publish();
    assert.deepEqual(claimed(memory, 0, 16), [slot]);
    assert.deepEqual(claimed(memory, 0, 16), []);
  });
});

describe('a full ring', () => {
  test('keeps what does not fit, in order, until there is room', () => {
    const memory = arena();
    const rings = new ClaimRings(memory, OWNER);
    const first = regionOf(memory.layout, OWNER);
    const slotOf = (k: number): number => first + (k % 16) * SLOT_WORDS;
    for (let k = 0; k < 40; k++) rings.push(0, slotOf(k));                // more hints than slots: some are doubled
    assert.equal(rings.isOverflowing, true);
    rings.publish();
    assert.equal(waiting(memory, OWNER, 0), 16);
    const claims = makeClaims(16);
    assert.equal(take(memory, OWNER, 0, 2, 10, claims), 10);
    rings.push(0, slotOf(40));
    assert.equal(rings.publish(), true);
    assert.equal(waiting(memory, OWNER, 0), 16);
    const seen: number[] = [];
    for (let next = 10; next < 41; next++) {
      assert.equal(peek(memory, OWNER, 0), slotOf(next), `hint ${next}`);
      take(memory, OWNER, 0, 2, 1, claims);
      rings.publish();
      seen.push(next);
    }
    assert.equal(seen.length, 31);
    assert.equal(rings.isOverflowing, false);
    assert.equal(waiting(memory, OWNER, 0), 0);
  });

  test('does not hold up another', () => {
    const memory = arena();
    const rings = new ClaimRings(memory, OWNER);
    for (let k = 0; k < 20; k++) rings.push(0, regionOf(memory.layout, OWNER));
    rings.push(1, regionOf(memory.layout, OWNER) + SLOT_WORDS);
    rings.publish();
    assert.deepEqual([waiting(memory, OWNER, 0), waiting(memory, OWNER, 1)], [16, 1]);
  });
});

test('positions may pass the largest number there is', () => {
  const memory = arena();
  const control = controlOf(memory.layout, OWNER);
  memory.words[control + BOTTOM] = 2 ** 31 - 5;
  memory.words[control + TOP] = 2 ** 31 - 5;
  const [rings, pool] = [new ClaimRings(memory, OWNER), new SlotPool(memory, OWNER)];
  const found: number[] = [];
  const pushed: number[] = [];
  for (let k = 0; k < 40; k++) {
    const slot = ready(memory, pool);
    pushed.push(slot);
    rings.push(0, slot);
    rings.publish();
    found.push(...claimed(memory, 0, 16));
    slots.free(memory.words, slot);
    pool.recycle(slot);
  }
  assert.deepEqual(found, pushed);
  assert.ok(Atomics.load(memory.words, control + TOP) < 0);
});

test('and a ring that is full there refuses as ever', () => {
  const memory = arena();
  const control = controlOf(memory.layout, OWNER);
  memory.words[control + BOTTOM] = memory.words[control + TOP] = 2 ** 31 - 5;
  const ring = new ClaimRing(memory, OWNER, 0);
  const accepted = Array.from({ length: 20 }, () => ring.push(regionOf(memory.layout, OWNER))).filter(Boolean);
  assert.equal(accepted.length, 16);
});

test('a number that passes to a new worker goes on where the ring was', () => {
  const memory = arena();
  const pool = new SlotPool(memory, OWNER);
  const before = new ClaimRings(memory, OWNER);
  for (let k = 0; k < 3; k++) before.push(0, ready(memory, pool));
  before.publish();
  claimed(memory, 0, 16);
  const after = new ClaimRings(memory, OWNER);
  const slot = ready(memory, pool);
  after.push(0, slot);
  after.publish();
  assert.equal(publishedCount(memory, OWNER), 4);
  assert.deepEqual(claimed(memory, 0, 16), [slot]);
});

test('rings lie beside each other without sharing a line or a cell', () => {
  const memory = arena({ ringCount: 15 });
  const rings = new ClaimRings(memory, OWNER);
  const first = regionOf(memory.layout, OWNER);
  for (let ring = 0; ring < 15; ring++) for (let k = 0; k < 16; k++) rings.push(ring, first + ((ring + k) % 16) * SLOT_WORDS);
  rings.publish();
  for (let ring = 0; ring < 15; ring++) {
    for (let k = 0; k < 16; k++) {
      assert.equal(peek(memory, OWNER, ring), first + ((ring + k) % 16) * SLOT_WORDS);
      take(memory, OWNER, ring, 2, 1, makeClaims(1));
    }
  }
  assert.ok(LINE >= 32);
});

test('any program of pushes, publishes, takes and withdrawals runs each ready task once', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 1 }) }) },
    { weight: 2, arbitrary: fc.constant('publish' as const) },
    { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 1 }), max: fc.integer({ min: 1, max: 16 }) }) },
    { weight: 1, arbitrary: fc.record({ withdraw: fc.nat() }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (program) => {
    const memory = arena();
    const [rings, pool] = [new ClaimRings(memory, OWNER), new SlotPool(memory, OWNER)];
    const open = new Set<number>();
    const run = (found: number[]): void => { for (const slot of found) { assert.ok(open.delete(slot)); pool.release(slot); } };
    for (const one of program) {
      if (one === 'publish') rings.publish();
      else if ('push' in one) { const slot = ready(memory, pool); if (slot !== 0) { open.add(slot); rings.push(one.push, slot); } } else if ('take' in one) run(claimed(memory, one.take, one.max));
      else {
        const slot = [...open][one.withdraw % Math.max(1, open.size)];
        if (slot === undefined) continue;
        assert.equal(slots.cancel(memory.words, slot), 'withdrawn');
        pool.recycle(slot);
        open.delete(slot);
      }
    }
    for (let turn = 0; turn < 100 && (open.size > 0 || rings.isOverflowing); turn++) { rings.publish(); run(claimed(memory, 0, 16)); run(claimed(memory, 1, 16)); }
    assert.equal(open.size, 0);
    assert.equal(pool.available, 16);
  }), { numRuns: 200 });
});
