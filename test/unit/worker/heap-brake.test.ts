/** A heap in virtual time: each request takes at once, as much garbage besides, and gives back after a wait; the engine collects when there is no room, and ends when that does not help. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { HeapBrake } from '../../../packages/worker/src/heap-brake.ts';

const MIB = 2 ** 20;
const LIMIT = 64 * MIB;
const BASE = 16 * MIB;
const MARK = 0.85;
const WAIT_MS = 300;
const TAKE_MS = 4;

interface Root { live: number }
interface Outcome { died: boolean; done: number; collections: number; held: number }

/** @param bytesAt  what a request takes that begins then */
function run({ bytesAt, everyMs, ms = 20_000, hasBrake = true, mark = () => MARK, base = BASE }: { bytesAt: (now: number) => number; everyMs: number; ms?: number; hasBrake?: boolean; mark?: (now: number) => number; base?: number }): Outcome {
  const brake = new HeapBrake<Root>(LIMIT);
  const [big, small] = [{ live: 0 }, { live: 0 }];
  let [kept, garbage, queued, done, collections, held] = [base, 0, 0, 0, 0, 0];
  const ends: { at: number; bytes: number }[] = [];
  const take = (bytes: number, now: number): boolean => {
    if (kept + garbage + bytes > LIMIT) {
      garbage = 0;
      collections++;
      brake.collected(kept, mark(now), now);
      if (kept + bytes > LIMIT) return false;
    }
    kept += bytes;
    garbage += bytes;
    return true;
  };
  for (let now = 0; now < ms; now += TAKE_MS) {
    while (ends[0] !== undefined && ends[0].at <= now) { const { bytes } = ends.shift() as typeof ends[number]; kept -= bytes; garbage += bytes; big.live--; done++; }
    if (now % everyMs < TAKE_MS) queued++;
    small.live = 500;                                                    // they wait for long, and keep next to nothing
    assert.equal(brake.mayBegin(small, now), true);
    if (queued === 0) continue;
    if (hasBrake && brake.isToAsk(big)) {
      brake.read(kept + garbage, mark(now), now);
      if (!brake.mayBegin(big, now)) { if (collections > 0) held++; continue; }
    }
    queued--;
    const bytes = bytesAt(now);
    if (!take(bytes, now)) return { died: true, done, collections, held };
    big.live++;
    ends.push({ at: now + WAIT_MS, bytes });
    brake.begun(big, bytes);
    brake.begun(small, 200);
  }
  return { died: false, done, collections, held };
}
/** Requests that fit beside each other, as many as end in the time. */
const fits = (bytes: number, ms = 20_000): number => Math.floor((LIMIT - BASE) / bytes) * ms / WAIT_MS;

describe('more is asked than fits', () => {
  test.each([1, 2, 4, 8, 16])('requests of %i MB: the heap lasts, and most of what fits is done', (mib) => {
    const { died, done, held } = run({ bytesAt: () => mib * MIB, everyMs: TAKE_MS });
    assert.equal(died, false);
    assert.ok(done >= 0.45 * fits(mib * MIB), `${done} of ${fits(mib * MIB)}`);
    assert.ok(held > 0);
  });
  test('without a brake it ends', () => { assert.equal(run({ bytesAt: () => 4 * MIB, everyMs: TAKE_MS, hasBrake: false }).died, true); });
  test.each([[1, 3], [2, 6], [3, 6]])('%i MB, from one moment on %i, and back', (few, many) => {
    const { died, done } = run({ bytesAt: (now) => (now > 5000 && now < 10_000 ? many : few) * MIB, everyMs: TAKE_MS });
    assert.equal(died, false);
    assert.ok(done >= 0.4 * (fits(few * MIB, 15_000) + fits(many * MIB, 5000)), `${done}`);
  });
  test('where the conductor lowers the mark fewer are let in', () => {
    const half = run({ bytesAt: () => 2 * MIB, everyMs: TAKE_MS, mark: () => 0.5 });
    assert.ok(half.done < 0.75 * run({ bytesAt: () => 2 * MIB, everyMs: TAKE_MS }).done, `${half.done}`);
    assert.ok(half.done > 0);
  });
});

test('where it fits nobody is held once a full collection has told what lives, however full of garbage the heap is', () => {
  const { died, held, done, collections } = run({ bytesAt: () => 2 * MIB, everyMs: 40 });
  assert.ok(collections > 10);
  assert.deepEqual([died, held], [false, 0]);
  assert.ok(done >= 20_000 / 40 - 10);
});

test('a heap that is full of what no request keeps: one at a time goes on all the same', () => {
  const { died, done } = run({ bytesAt: () => MIB, everyMs: 20, base: 0.9 * LIMIT });
  assert.equal(died, false);
  assert.ok(done >= 20, `${done}`);
});

test('who keeps little is not asked about', () => {
  const brake = new HeapBrake<Root>(LIMIT);
  const root = { live: 10_000 };
  for (let k = 0; k < 100; k++) assert.equal(brake.begun(root, 2000), false);
  assert.equal(brake.begun(root, NaN), false);
  brake.read(LIMIT, MARK, 0);
  brake.collected(LIMIT, MARK, 0);
  assert.deepEqual([brake.isToAsk(root), brake.isOn, brake.mayBegin(root, 0)], [false, false, true]);
});

test('a window that has held nobody for two seconds is none', () => {
  const brake = new HeapBrake<Root>(LIMIT);
  const root = { live: 12 };
  for (let k = 0; k < 12; k++) brake.begun(root, 4 * MIB);
  brake.read(0.9 * LIMIT, MARK, 0);
  assert.deepEqual([brake.isOn, brake.mayBegin(root, 100)], [true, false]);
  root.live = 3;
  brake.read(0.3 * LIMIT, MARK, 2000);
  assert.equal(brake.isOn, true);
  brake.read(0.3 * LIMIT, MARK, 2200);
  assert.equal(brake.isOn, false);
});
