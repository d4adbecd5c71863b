/** How often it is looked at what segments leave of memory. */
import assert from 'node:assert/strict';
import { GraphTable, allocateGraph, mapGraph } from '@capriccio/shared';
import { Scheduler } from '@capriccio/worker';
import { test } from 'vitest';
import { LOOK_EVERY_MS, SegmentSamples } from '../../../packages/worker/src/segment-samples.ts';

test('looks at memory back off while little is kept, and come as often as ever when one keeps much', () => {
  const samples = new SegmentSamples(new GraphTable(mapGraph(allocateGraph(2), 2), 1));
  const root = new Scheduler().roots.named('page');
  const kept: Buffer[] = [];
  /** It runs for so long, and keeps so much. @returns whether that is looked at */
  const lookAfter = (ms: number, bytes: number): boolean => {
    root.usedMs += ms;
    if (!samples.looks(root)) return false;
    if (bytes > 0) kept.push(Buffer.alloc(bytes));
    assert.ok(samples.growth() !== undefined);
    return true;
  };
  assert.ok(lookAfter(0, 0));
  assert.ok(!lookAfter(2 * LOOK_EVERY_MS - 1, 0) && lookAfter(1, 0));
  assert.ok(!lookAfter(4 * LOOK_EVERY_MS - 1, 0) && lookAfter(1, 0));
  assert.ok(!lookAfter(4 * LOOK_EVERY_MS - 1, 0) && lookAfter(1, 64 * 2 ** 20), 'no more seldom than that');
  assert.ok(!lookAfter(LOOK_EVERY_MS - 1, 0) && lookAfter(1, 0));
  assert.equal(kept.length, 1);
});
